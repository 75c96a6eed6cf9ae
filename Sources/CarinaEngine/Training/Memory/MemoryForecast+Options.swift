import CarinaModel
import CarinaRuntime
import CarinaText

extension MemoryForecast {
  /// The forecast for a run, before its weights are read.
  /// - Throws: `CarinaError.usage` when the run does not fit into the memory; what reading configurations and headers
  ///   throws.
  init(
    _ options: JointTrainingOptions, _ parts: PipelineParts, adapters: LoraPlan? = nil, samples: any TrainingSamples,
    renderer: PromptRenderer,
    packsFactors: Bool
  ) throws {
    let precision = options.computing.precision.elementType
    let visionConfig = try parts.vision.visionConfig(), decoderConfig = try parts.language.decoderConfig().config
    let projectorConfig = try parts.projectorConfig(vision: visionConfig, decoder: decoderConfig)
    let featuresPerImage = visionConfig.patchCount - (options.features.dropsFirstPatch ? 1 : 0)
    let rowsPerImage = projectorConfig.rowCount(features: featuresPerImage)
    var plan = Plan(
      vision: visionConfig, projector: projectorConfig, decoder: decoderConfig,
      footprints: (
        try parts.vision.visionFootprint(precision: precision),
        try parts.projectorFootprint(projectorConfig, precision: precision),
        try parts.language.decoderFootprint(precision: precision)
      ),
      policy: options.policy, precision: precision,
      batch: try .largest(of: samples, renderer: renderer, settings: options.settings, rowsPerImage: rowsPerImage),
      rowsPerImage: rowsPerImage, featuresPerImage: projectorConfig.pooling?.tokenCount ?? featuresPerImage,
      keepsFeatures: options.featureCache != nil, packsFactors: packsFactors, adapters: adapters)
    if options.policy.freezesEmbeddings {
      plan.frozenEmbeddings = try parts.language.embeddingFootprint(precision: precision)
    }
    let base = ProcessMemory.residentByteCount
    let available = options.computing.memoryLimit.map { Int($0 * 0x1p30) - base } ?? ProcessMemory.availableByteCount
    self = try MemoryForecast.fitting(
      plan, base: base, choice: options.computing.gradientCheckpointing, available: available)
  }
}
