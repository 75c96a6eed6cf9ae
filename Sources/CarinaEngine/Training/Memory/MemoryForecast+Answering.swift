import CarinaModel
import CarinaRuntime
import CarinaTensor
import CarinaText

extension MemoryForecast {
  /// What decides how much memory answering takes.
  package struct AnsweringPlan {
    /// The model, of which nothing is trained.
    package var model: Plan
    /// What it is asked.
    package var answers: Answers
    /// The output head's part of the decoder's footprint.
    package var head = WeightsFootprint()
    /// Whether the decoder's matrices and the output head are rounded to 8 bits for a few rows at a time, and whether
    /// into a file that is mapped.
    package var roundsWeights = false, mapsRounded = false
    /// Bytes of adapters' files.
    package var adapters = 0

    /// Collects what cannot be left out.
    package init(model: Plan, answers: Answers) {
      self.model = model
      self.answers = answers
    }
  }

  /// The forecast for answering.
  package init(_ plan: AnsweringPlan, base: Int) {
    let model = plan.model, answers = plan.answers, decoder = model.decoder, repeats = answers.passes > 1
    let (vision, projector, language) = model.footprints
    let visionTable = TensorTable(of: model.vision), decoderTable = TensorTable(of: decoder)
    let memory = ActivationMemory(
      precision: model.precision, activations: model.activations, logitChunkByteCount: model.logitChunkByteCount)
    var bytes = MemoryForecast.bytes(of: answers, model, memory)
    if plan.roundsWeights { bytes.headCopy = BufferBytes() }

    // Copies are made at the second use. Those of the vision encoder take the place of the file's pages; a token reads
    // the decoder's matrices as they lie.
    packedVision = model.roundsVision || !repeats ? 0 : MemoryForecast.packedByteCount(visionTable, model)
    packedDecoder =
      plan.roundsWeights || !repeats
      ? 0 : MemoryForecast.packedByteCount(decoderTable, model, most: Decoder.mostPackedWeights)
    let roundedVision =
      model.roundsVision ? MemoryForecast.roundedByteCount(visionTable.matricesByInput, packed: true) : 0
    let roundedDecoder = plan.roundsWeights ? MemoryForecast.roundedByteCount(decoderTable, decoder) : 0
    let returnedVision = model.roundsVision ? vision.returnableBlocks : min(packedVision, vision.returnable)
    let returnedDecoder = plan.roundsWeights ? language.returnableBlocks + plan.head.returnable : 0
    let copied = vision.copied + projector.copied + language.copied
    weights =
      vision.mapped + projector.mapped + language.mapped + copied + plan.adapters - returnedVision - returnedDecoder
      + packedVision + packedDecoder + roundedVision + roundedDecoder + (repeats ? bytes.headCopy.asked : 0)
    let made =
      packedVision + packedDecoder + roundedVision + (plan.mapsRounded ? 0 : roundedDecoder)
      + (repeats ? bytes.headCopy.asked : 0)
    if repeats { bytes.headCopy = BufferBytes() }
    training = 0
    activations = 0
    keysAndValues = bytes.cache.asked
    var pixels = BufferBytes()
    let side = model.vision.imageSize
    // As numbers of the images, and as one tensor.
    pixels.add(1, model.vision.channelCount * side * side, count: 2 * max(1, answers.images))
    data = pixels.asked + (model.isOnDevice ? 0 : model.mappedShards)

    // With one batch the vision encoder is done before the decoder's file is read.
    let unread = repeats || plan.roundsWeights ? 0 : language.mapped
    let highest = max(
      bytes.vision.asked - unread, bytes.prompts.asked, (bytes.tokens + bytes.headCopy).asked, bytes.likelihoods.asked)
    // What is converted from a file of another type is there before anything takes its place, and the pool keeps it.
    func released(_ part: WeightsFootprint, _ returned: Int) -> Int { part.copied > part.mapped ? returned : 0 }
    let kept = copied - released(vision, returnedVision) - released(language, returnedDecoder)
    let inUse = kept + made + highest + pixels.asked
    buffers = max(copied, kept + made + pixels.pooled + bytes.highest(\.pooled))
    let parts = [bytes.vision, bytes.prompts, bytes.tokens, bytes.likelihoods]
    let largest = max(parts.map(\.largest).max() ?? 0, pixels.largest)
    let idle = min(parts.reduce(0) { $0 + $1.pooled } / 2, MemoryPool.room(peak: buffers, largest: largest))
    // The head is the largest that is rounded, and the last; the vision encoder's file has not been read by then.
    let unreadVision = max(0, vision.mapped - (model.roundsVision ? returnedVision : 0))
    let head = plan.mapsRounded ? 0 : plan.head.mapped - unreadVision
    working =
      max(highest + (model.isOnDevice ? 0 : max(idle, copied - inUse)), head, keysAndValues) - keysAndValues
      + MemoryForecast.preparedByteCount(model, directions: 1)
      + (model.isOnDevice ? MemoryForecast.deviceAtWork : MemoryForecast.programAtWork)
    self.base = model.isOnDevice ? 0 : base
    host = model.isOnDevice ? base + model.mappedShards + data + MemoryForecast.programAtWork : nil
    isCheckpointed = false
    packsFrozen = model.packsFrozen
  }

  /// Bytes of a decoder's matrices in 8 bits for a few rows at a time, the output head's among them.
  private static func roundedByteCount(_ table: TensorTable, _ config: DecoderConfig) -> Int {
    table.rows.filter(\.isBlockMatrix).reduce(roundedByteCount([config.vocabularySize, config.hiddenSize])) {
      $0 + roundedByteCount($1.shape)
    }
  }

  /// The forecast with packed copies where they fit.
  /// - Parameter available: bytes that may be taken besides `base`; nil when nobody knows.
  /// - Throws: `CarinaError.usage` when it does not fit.
  package static func fitting(_ plan: AnsweringPlan, base: Int, available: Int?) throws -> MemoryForecast {
    let chosen = packing(available) { packsFrozen in
      var plan = plan
      plan.model.packsFrozen = packsFrozen
      return MemoryForecast(plan, base: base)
    }
    guard let available, !chosen.fits(available) else { return chosen }
    let model = plan.model, int8 = WeightStorage.int8.rawValue
    var remedies: [String] = []
    if plan.answers.images > 1 || plan.answers.sequences > 1 {
      remedies.append("a smaller \(setting: EvaluatorSettingList.declared.batchSize.name)")
    }
    if model.precision == .float32 { remedies.append("\(setting: .precision) bf16") }
    if !model.isOnDevice {
      if !plan.roundsWeights { remedies.append("\(setting: .weights) \(int8)") }
      let vision = FrozenWeightsSettingList.declared.vision.name
      if !model.roundsVision { remedies.append("\(setting: vision) \(int8)") }
    }
    if plan.answers.newTokens > 128 {
      remedies.append("a smaller \(setting: GenerationOptions.name(\.maximumNewTokens))")
    }
    throw chosen.refusal(available, remedies)
  }
}

extension MemoryForecast {
  /// The forecast for answering, before the weights are read.
  /// - Throws: `CarinaError.usage` when the model does not fit into the memory; what reading configurations and headers
  ///   throws.
  init(
    _ demand: AnswerDemand, _ parts: PipelineParts, adapters: [AttachedAdapter], renderer: PromptRenderer,
    precision: ElementType, on backend: any Backend
  ) throws {
    let vision = try parts.vision.visionConfig(), decoder = try parts.language.decoderConfig().config
    let projector = try parts.projectorConfig(vision: vision, decoder: decoder)
    let rowsPerImage = try parts.rowsPerImage(dropsFirstPatch: parts.dropsFirstPatch)
    let answers = try demand.answers(renderer, rowsPerImage: rowsPerImage)
    var model = Plan(
      vision: vision, projector: projector, decoder: decoder,
      footprints: (
        try parts.vision.visionFootprint(precision: precision),
        try parts.projectorFootprint(projector, precision: precision),
        try parts.language.decoderFootprint(precision: precision)
      ),
      policy: FreezingPolicy(trainsProjector: false, trainsDecoder: false), precision: precision,
      batch: Batch(
        images: answers.images, rows: answers.rows, supervised: answers.supervised, imagesOfStep: answers.images),
      rowsPerImage: rowsPerImage, keepsFeatures: demand.keepsFeatures, packsFactors: backend.packsFactors)
    model.preparesProducts = backend.preparesProducts(precision)
    model.sizes = answers.sizes
    model.activations = backend.activations
    model.logitChunkByteCount = backend.logitChunkByteCount
    model.isOnDevice = backend.memoryAvailable != nil
    model.roundsVision = demand.visionWeights == .int8
    if let shards = demand.shards {
      model.mappedShards = MemoryForecast.mappedShards(
        shards, imagesRead: answers.sizes.imagesRead, imageByteCount: vision.imageSize * vision.imageSize)
    }
    var plan = AnsweringPlan(model: model, answers: answers)
    plan.roundsWeights = demand.weights == .int8
    plan.mapsRounded = demand.keepsRoundedWeights
    if plan.roundsWeights { plan.head = try parts.language.headFootprint(precision: precision) }
    plan.adapters = adapters.flatMap(\.bundle.files).flatMap(\.weights.files).flatMap(\.entries)
      .reduce(0) { $0 + $1.byteRange.count }
    let base = ProcessMemory.residentByteCount
    self = try MemoryForecast.fitting(
      plan, base: base, available: MemoryForecast.available(demand.memoryLimit, base: base, on: backend))
  }
}
