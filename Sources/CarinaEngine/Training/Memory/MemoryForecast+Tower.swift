import CarinaModel
import CarinaRuntime
import CarinaTensor

extension MemoryForecast {
  /// What decides how much memory the tuning of a SigLIP takes.
  package struct TowerPlan {
    package var vision: VisionConfig, text: TextEncoderConfig
    /// Weights that are trained, and those that are not.
    package var trained: WeightsFootprint, frozen: WeightsFootprint
    package var freezing: TowerFreezing
    package var precision: ElementType
    /// Ids of a text.
    package var textLength: Int
    package var pieces: ContrastivePieces
    /// Images and texts of the largest batch, and images of an optimizer step.
    package var images: Int, texts: Int, imagesOfStep: Int
    /// Pages of mapped shards that stay resident.
    package var mappedShards = 0
    /// Whether the backend copies frozen factors into layouts of its own.
    package var packsFactors: Bool
    /// How the backend stores activations, and whether it has memory of its own.
    package var activations = ElementType.float32, isOnDevice = false

    /// Collects what is known.
    package init(
      vision: VisionConfig, text: TextEncoderConfig, trained: WeightsFootprint, frozen: WeightsFootprint,
      freezing: TowerFreezing, precision: ElementType, textLength: Int, pieces: ContrastivePieces, images: Int,
      texts: Int, imagesOfStep: Int, packsFactors: Bool
    ) {
      self.vision = vision
      self.text = text
      self.trained = trained
      self.frozen = frozen
      self.freezing = freezing
      self.precision = precision
      self.textLength = textLength
      self.pieces = pieces
      self.images = images
      self.texts = texts
      self.imagesOfStep = imagesOfStep
      self.packsFactors = packsFactors
    }
  }

  /// About what a prepared product takes; see `preparedByteCount`.
  private static let preparedProductByteCount = 96 << 10

  /// The forecast for tuning a SigLIP.
  package init(_ plan: TowerPlan, base: Int, isCheckpointed: Bool, keptPieces: Int = 0) {
    let memory = ActivationMemory(precision: plan.precision, activations: plan.activations), vision = plan.vision,
      text = plan.text
    let isDivided = plan.images > plan.pieces.images || plan.texts > plan.pieces.texts
    let imageRows = (isDivided ? min(plan.images, plan.pieces.images) : plan.images) * vision.patchCount
    let textRows = (isDivided ? min(plan.texts, plan.pieces.texts) : plan.texts) * plan.textLength
    let imageBlock = memory.towerBlock(width: vision.hiddenSize, inner: vision.intermediateSize, rows: imageRows)
    let textBlock = memory.towerBlock(width: text.hiddenSize, inner: text.intermediateSize, rows: textRows)

    func kept(_ block: BufferBytes, width: Int, rows: Int, blocks: Int) -> BufferBytes {
      var bytes = BufferBytes()
      for _ in 0..<blocks {
        if isCheckpointed { bytes.add(rows, width) } else { bytes += block }
      }
      return bytes
    }
    let ofImages =
      kept(
        imageBlock, width: vision.hiddenSize, rows: imageRows, blocks: vision.layerCount - plan.freezing.frozenBlocks)
      + memory.poolingHead(vision, rows: imageRows)
    let ofTexts =
      plan.freezing.freezesText
      ? BufferBytes() : kept(textBlock, width: text.hiddenSize, rows: textRows, blocks: text.layerCount)
    let contrast = memory.contrast(images: plan.images, texts: plan.texts, width: vision.hiddenSize)
    // In pieces one tower runs at a time; in one piece both keep what they need until the loss is there.
    var kept = (isDivided ? BufferBytes.larger(ofImages, ofTexts) : ofImages + ofTexts) + contrast
    kept.add(imageRows, vision.hiddenSize, size: plan.precision.byteCount, count: vision.layerCount * keptPieces)
    let backward = BufferBytes.larger(
      memory.towerBackward(width: vision.hiddenSize, inner: vision.intermediateSize, rows: imageRows)
        + (isCheckpointed ? imageBlock : BufferBytes()),
      plan.freezing.freezesText
        ? BufferBytes()
        : memory.towerBackward(width: text.hiddenSize, inner: text.intermediateSize, rows: textRows)
          + (isCheckpointed ? textBlock : BufferBytes()))
    let forward = BufferBytes.larger(
      memory.towerForward(width: vision.hiddenSize, inner: vision.intermediateSize, rows: imageRows),
      memory.towerForward(width: text.hiddenSize, inner: text.intermediateSize, rows: textRows))
    var pixels = BufferBytes()
    pixels.add(
      plan.images, vision.channelCount * vision.imageSize * vision.imageSize,
      count: 2 * max(1, plan.imagesOfStep / max(plan.images, 1)))

    let packed = MemoryForecast.packedByteCount(plan) { !plan.freezing.trains($0) }
    // In pieces, for as long as a step's pieces go through the towers.
    let held = isDivided ? MemoryForecast.packedByteCount(plan, where: plan.freezing.trains) : 0
    // A packed copy takes the place of the pages of the file.
    weights =
      plan.frozen.mapped + plan.frozen.copied + plan.trained.copied + packed - min(packed, plan.frozen.mapped) + held
    packedVision = packed
    packedDecoder = 0
    packsFrozen = true
    training = plan.trained.trained
    activations = kept.asked
    keysAndValues = 0
    let onHost = plan.isOnDevice ? pixels.asked + plan.mappedShards + MemoryForecast.programAtWork : 0
    data = pixels.asked + (plan.isOnDevice ? 0 : plan.mappedShards)
    func highest(_ bytes: KeyPath<BufferBytes, Int>) -> Int {
      kept[keyPath: bytes] + max(backward[keyPath: bytes], forward[keyPath: bytes])
    }
    buffers =
      plan.frozen.copied + plan.trained.copied + training + packed + held + pixels.pooled + highest(\.pooled)
    let idle =
      plan.isOnDevice
      ? 0
      : min(
        (kept.pooled + backward.pooled + forward.pooled) / 2,
        MemoryPool.room(peak: buffers, largest: max(kept.largest, backward.largest, forward.largest, pixels.largest)))
    working =
      highest(\.asked) - kept.asked + idle
      + (plan.packsFactors ? 80 * MemoryForecast.preparedProductByteCount : 0)
      + (plan.isOnDevice ? MemoryForecast.deviceAtWork : MemoryForecast.programAtWork)
    self.base = plan.isOnDevice ? 0 : base
    host = plan.isOnDevice ? base + onHost : nil
    self.isCheckpointed = isCheckpointed
    self.keptPieces = keptPieces
  }

  /// Bytes of the blocks' matrices of these names in the product library's own layout, as read forwards.
  private static func packedByteCount(_ plan: TowerPlan, where holds: (String) -> Bool) -> Int {
    guard plan.precision == .bfloat16, plan.packsFactors else { return 0 }
    let count = TensorTable(vision: plan.vision, text: plan.text).rows.reduce(0.0) { sum, row in
      sum + (row.isBlockMatrix && holds(row.name) ? Double(row.count) : 0)
    }
    return Int(min(2 * count, 1e15))
  }

  /// The forecast with the choice of gradient checkpointing that fits.
  /// - Parameters:
  ///   - choice: whether blocks run again; nil when the memory is to decide.
  ///   - available: bytes that may be taken besides `base`; nil when nobody knows.
  /// - Throws: `CarinaError.usage` when it does not fit.
  package static func fitting(
    _ plan: TowerPlan, base: Int, choice: Bool?, available: Int?
  ) throws -> MemoryForecast {
    let plain = MemoryForecast(plan, base: base, isCheckpointed: false)
    let checkpointed = MemoryForecast(plan, base: base, isCheckpointed: true)
    guard let available else { return choice ?? false ? checkpointed : plain }
    func fits(_ forecast: MemoryForecast) -> Bool { forecast.fits(available) }
    let chosen = choice.map { $0 ? checkpointed : plain } ?? (fits(plain) ? plain : checkpointed)
    guard fits(chosen) else {
      let list = TowerSettingList.declared
      var remedies: [String] = []
      if !chosen.isCheckpointed && fits(checkpointed) { remedies.append(SettingName.gradientCheckpointing.description) }
      if plan.pieces.images > 1 { remedies.append("a smaller \(setting: list.chunkSize.name)") }
      if !plan.freezing.freezesText { remedies.append(list.freezesText.name.description) }
      if plan.freezing.frozenBlocks < plan.vision.layerCount {
        remedies.append("a larger \(setting: list.frozenLayersRatio.name)")
      }
      if plan.precision == .float32 { remedies.append("\(setting: .precision) bf16") }
      if plan.images > 1 { remedies.append("a smaller \(setting: TrainingSettings.name(\.batchSize))") }
      throw chosen.refusal(available, remedies)
    }
    return keeping(plan, base: base, available: available, over: chosen)
  }

  /// The forecast with the MLPs' results of as many pieces kept as there is room for, with a twentieth to spare.
  private static func keeping(
    _ plan: TowerPlan, base: Int, available: Int, over plain: MemoryForecast
  ) -> MemoryForecast {
    let pieces = (plan.images + plan.pieces.images - 1) / max(1, plan.pieces.images)
    guard !plain.isCheckpointed, plan.activations == .float32, pieces > 1 else { return plain }
    func forecast(_ kept: Int) -> MemoryForecast {
      MemoryForecast(plan, base: base, isCheckpointed: false, keptPieces: kept)
    }
    var (fits, tooMany) = (0, pieces)
    while fits + 1 < tooMany {
      let middle = (fits + tooMany) / 2, total = forecast(middle).total - base
      if total <= available - total / 20 { fits = middle } else { tooMany = middle }
    }
    return forecast(fits)
  }
}

extension MemoryForecast {
  /// The forecast for the tuning of a SigLIP, before its weights are read.
  /// - Throws: `CarinaError.usage` when the run does not fit into the memory; what reading headers throws.
  init(
    _ options: TowerTrainingOptions, _ reading: ModelDirectory.SiglipReading, in directory: ModelDirectory,
    freezing: TowerFreezing, pairs: ContrastivePairs, pieces: ContrastivePieces, textLength: Int,
    precision: ElementType, on backend: any Backend
  ) throws {
    let weights = try directory.weights(), settings = options.training, table = reading.table
    let order = EpochOrder(settings, sampleCount: pairs.images.count)
    let images = min(settings.batchSize, pairs.images.count)
    // However they meet: the images with the most texts in one batch.
    let texts = pairs.images.map(\.texts.count).sorted(by: >).prefix(images).reduce(0, +)
    var plan = TowerPlan(
      vision: reading.vision, text: reading.text,
      trained: WeightsFootprint(table, in: weights, precision: precision, where: freezing.trains),
      frozen: WeightsFootprint(table, in: weights, precision: precision) { !freezing.trains($0) },
      freezing: freezing, precision: precision, textLength: textLength, pieces: pieces, images: images,
      texts: min(texts, pairs.texts.count), imagesOfStep: min(order.samplesPerStep, pairs.images.count),
      packsFactors: backend.packsFactors)
    plan.activations = backend.activations
    plan.isOnDevice = backend.memoryAvailable != nil
    let size = reading.vision.imageSize
    plan.mappedShards = MemoryForecast.mappedShards(
      options.trainShards, imagesRead: pairs.images.count, imageByteCount: size * size * reading.vision.channelCount)
    let base = ProcessMemory.residentByteCount
    let available = MemoryForecast.available(options.computing.memoryLimit, base: base, on: backend)
    self = try MemoryForecast.fitting(
      plan, base: base, choice: options.computing.gradientCheckpointing, available: available)
  }
}
