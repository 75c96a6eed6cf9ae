import CarinaModel
import CarinaRuntime
import CarinaText

extension MemoryForecast {
  /// The forecast for a run, before its weights are read.
  /// - Throws: `CarinaError.usage` when the run does not fit into the memory; what reading configurations and headers throws.
  init(
    _ options: JointTrainingOptions, vision: ModelDirectory, language: ModelDirectory, samples: any TrainingSamples,
    renderer: PromptRenderer, packsFactors: Bool
  ) throws {
    let precision = options.precision.elementType
    let visionConfig = try vision.visionConfig(), decoderConfig = try language.decoderConfig().config
    let projector: (config: ProjectorConfig, footprint: WeightsFootprint)
    if let path = options.projector {
      let directory = try ModelDirectory.projector(path)
      projector = (try directory.projectorConfig(), try directory.projectorFootprint(precision: precision))
    } else {
      let config = JointTraining.freshProjector(options, vision: visionConfig, decoder: decoderConfig)
      projector = (
        config,
        WeightsFootprint(
          weightCount: config.hiddenSize * (config.inputSize + config.outputSize),
          vectorCount: config.hiddenSize + config.outputSize, precision: precision)
      )
    }
    let rowsPerImage = visionConfig.patchCount - (options.dropsFirstPatch ? 1 : 0)
    let plan = Plan(
      vision: visionConfig, projector: projector.config, decoder: decoderConfig,
      footprints: (
        try vision.visionFootprint(precision: precision), projector.footprint,
        try language.decoderFootprint(precision: precision)
      ),
      policy: options.policy, precision: precision,
      batch: try .largest(of: samples, renderer: renderer, settings: options.settings, rowsPerImage: rowsPerImage),
      rowsPerImage: rowsPerImage, keepsFeatures: options.featureCache != nil, packsFactors: packsFactors)
    let base = ProcessMemory.residentByteCount
    let available = options.memoryLimit.map { $0 - base } ?? ProcessMemory.availableByteCount
    self = try MemoryForecast.fitting(plan, base: base, choice: options.gradientCheckpointing, available: available)
  }
}
