import CarinaModel
import CarinaRuntime
import CarinaTensor
import CarinaText
import Foundation

extension MemoryForecast {
  /// The forecast for a run, before its weights are read.
  /// - Throws: `CarinaError.usage` when the run does not fit into the memory; what reading configurations and headers
  ///   throws.
  init(
    _ options: JointTrainingOptions, _ parts: PipelineParts, adapters: LoraPlan? = nil, samples: any TrainingSamples,
    validation: (any TrainingSamples)? = nil, renderer: PromptRenderer, lengths: [Int]? = nil,
    on backend: any Backend
  ) throws {
    let precision = options.computing.precision.elementType
    let visionConfig = try parts.vision.visionConfig(), decoderConfig = try parts.language.decoderConfig().config
    let projectorConfig = try parts.projectorConfig(vision: visionConfig, decoder: decoderConfig)
    let featuresPerImage = visionConfig.patchCount - (options.features.dropsFirstPatch ? 1 : 0)
    let rowsPerImage = projectorConfig.rowCount(features: featuresPerImage)
    let (batch, sizes) = try Batch.largest(
      of: samples, renderer: renderer, settings: options.settings, rowsPerImage: rowsPerImage, lengths: lengths)
    var plan = Plan(
      vision: visionConfig, projector: projectorConfig, decoder: decoderConfig,
      footprints: (
        try parts.vision.visionFootprint(precision: precision),
        try parts.projectorFootprint(projectorConfig, precision: precision),
        try parts.language.decoderFootprint(precision: precision)
      ),
      policy: options.policy, precision: precision, batch: batch, rowsPerImage: rowsPerImage,
      featuresPerImage: projectorConfig.pooling?.tokenCount ?? featuresPerImage,
      keepsFeatures: options.featureCache != nil, packsFactors: backend.packsFactors, adapters: adapters)
    plan.preparesProducts = backend.preparesProducts(precision)
    if options.policy.freezesEmbeddings {
      plan.frozenEmbeddings = try parts.language.embeddingFootprint(precision: precision)
    }
    // A head of its own is trained with the decoder.
    if !options.policy.trainsDecoder || (options.policy.freezesEmbeddings && !decoderConfig.hasOwnHead) {
      plan.outputHead = try parts.language.headFootprint(precision: precision)
    }
    plan.sizes = sizes
    plan.activations = backend.activations
    plan.logitChunkByteCount = backend.logitChunkByteCount
    plan.keepsAttentionOutput = backend.keepsAttentionOutput
    plan.isOnDevice = backend.memoryAvailable != nil
    if options.validation.evalEvery != nil, let validation {
      plan.validation = try Answers(
        validation: validation, settings: options.validation, batchSize: options.settings.batchSize, renderer: renderer,
        rowsPerImage: rowsPerImage)
    }
    plan.optimizer = options.settings.optimizer
    plan.roundsDecoder = options.frozenWeights.base == .int8
    plan.roundsVision = options.frozenWeights.vision == .int8
    plan.mappedShards = MemoryForecast.mappedShards(
      options.trainShards, imagesRead: sizes.imagesRead,
      imageByteCount: visionConfig.imageSize * visionConfig.imageSize * visionConfig.channelCount)
    let base = ProcessMemory.residentByteCount
    let available = MemoryForecast.available(options.computing.memoryLimit, base: base, on: backend)
    self = try MemoryForecast.fitting(
      plan, base: base, choice: options.computing.gradientCheckpointing, available: available)
  }

  /// Bytes that may be taken: on a device that has memory of its own of that, otherwise besides `base`; nil when nobody
  /// knows.
  static func available(_ limit: Double?, base: Int, on backend: any Backend) -> Int? {
    let ofDevice = backend.memoryAvailable
    if let limit { return Int(limit * 0x1p30) - (ofDevice == nil ? base : 0) }
    return ofDevice ?? ProcessMemory.availableByteCount
  }

  /// Bytes of the shards' pages that stay resident while a run reads from them: the files are mapped, the system maps
  /// what lies around an image along with it, and beyond 128 MiB the reader gives pages back.
  static func mappedShards(_ directory: String, imagesRead: Int, imageByteCount: Int) -> Int {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    let bytes = files.filter { $0.hasSuffix(".h5") }.reduce(0) { sum, name in
      let attributes = try? FileManager.default.attributesOfItem(atPath: "\(directory)/\(name)")
      return sum + ((attributes?[.size] as? Int) ?? 0)
    }
    let around = 64 << 10, most = 128 << 20
    return min(bytes, most, Int(Double(imagesRead) * Double(imageByteCount + around)))
  }
}
