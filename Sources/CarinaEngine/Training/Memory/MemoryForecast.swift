import CarinaModel
import CarinaRuntime
import CarinaTensor
import Foundation

/// How much memory a run of training, `evaluate` or `infer` will have taken at its highest, computed from the
/// configurations, the headers of the weights and the longest batch before any weight is read.
public struct MemoryForecast: Equatable, Sendable {
  /// What there is to train on, at its largest.
  package struct Batch: Equatable {
    /// Images, rows of all sequences, and rows that predict a supervised token.
    var images: Int, rows: Int, supervised: Int
    /// Rows that the last block computes whole.
    var read: Int
    /// Images of a whole optimizer step.
    var imagesOfStep: Int

    /// Collects the numbers.
    package init(images: Int, rows: Int, supervised: Int, imagesOfStep: Int) {
      self.images = images
      self.rows = rows
      self.supervised = supervised
      read = supervised
      self.imagesOfStep = imagesOfStep
    }
  }

  /// What decides the forecast.
  package struct Plan {
    package var vision: VisionConfig, projector: ProjectorConfig, decoder: DecoderConfig
    package var footprints: (vision: WeightsFootprint, projector: WeightsFootprint, decoder: WeightsFootprint)
    package var policy: FreezingPolicy
    package var precision: ElementType
    package var batch: Batch
    /// The sizes of micro-batches besides that of the largest.
    package var sizes = BatchSizes()
    /// Pages of mapped shards that stay resident.
    package var mappedShards = 0
    /// Rows that an image takes in a sequence.
    package var rowsPerImage: Int
    /// Feature rows of an image that are kept.
    package var featuresPerImage: Int
    package var keepsFeatures: Bool
    /// Whether the backend copies frozen factors into layouts of its own.
    package var packsFactors: Bool
    /// Whether that is to be done. No digit depends on it.
    package var packsFrozen = true
    /// Whether a library prepares products for the sizes that come up; tile registers need nothing prepared.
    package var preparesProducts = true
    /// How the backend stores activations.
    package var activations = ElementType.float32
    /// Bytes of logits that the loss forms at once.
    package var logitChunkByteCount = 64 << 20
    /// Whether attention keeps its result for the backward pass.
    package var keepsAttentionOutput = false
    /// Whether the backend has memory of its own, which the forecast is of then.
    package var isOnDevice = false
    /// Which maps have adapters that are trained; nil for none.
    package var adapters: LoraPlan?
    /// What of the decoder is a table of embeddings that stays frozen while the rest is trained.
    package var frozenEmbeddings = WeightsFootprint()
    /// What of the decoder is the output head, which is read a piece at a time where it is frozen and large.
    package var outputHead = WeightsFootprint()
    /// What a validation with answers computes; nil for none.
    package var validation: Answers?
    /// What changes the weights.
    package var optimizer = OptimizerChoice.adamw
    /// Whether the matrices of the blocks are in 8 bits, and the files' own are read once.
    package var roundsVision = false, roundsDecoder = false
    /// Whether products make what follows them, so that it takes no memory of its own.
    var fusesProducts: Bool { packsFactors }

    /// Collects what is known.
    package init(
      vision: VisionConfig, projector: ProjectorConfig, decoder: DecoderConfig,
      footprints: (vision: WeightsFootprint, projector: WeightsFootprint, decoder: WeightsFootprint),
      policy: FreezingPolicy, precision: ElementType, batch: Batch, rowsPerImage: Int, featuresPerImage: Int? = nil,
      keepsFeatures: Bool, packsFactors: Bool, adapters: LoraPlan? = nil
    ) {
      self.vision = vision
      self.projector = projector
      self.decoder = decoder
      self.footprints = footprints
      self.policy = policy
      self.precision = precision
      self.batch = batch
      self.rowsPerImage = rowsPerImage
      self.featuresPerImage = featuresPerImage ?? rowsPerImage
      self.keepsFeatures = keepsFeatures
      self.packsFactors = packsFactors
      self.adapters = adapters
    }
  }

  /// What is resident before: the program, its libraries, tokenizer and texts; 0 of a device with memory of its own.
  package let base: Int
  /// What is taken of the host's memory beside a device's, which all other numbers are of then; nil for a backend that
  /// computes in the host's.
  public let host: Int?
  /// Weights as they are read, and what training them takes besides.
  package let weights: Int, training: Int
  /// What a step keeps for its backward pass, and what it needs for moments besides.
  package let activations: Int, working: Int
  /// Pixels or features of two steps, the one being done and the one being read; and pages of the shards.
  package let data: Int
  /// Keys and values of the sequences that are answered.
  package let keysAndValues: Int
  /// Bytes of the engine's own buffers at their highest, in the pool's size classes.
  public let buffers: Int
  /// Bytes of frozen matrices that will have been packed; where their files are used in place, they take the place of
  /// the mapped pages.
  package let packedVision: Int, packedDecoder: Int
  /// Whether frozen matrices are packed.
  package let packsFrozen: Bool
  /// Whether blocks run again in the backward pass.
  public let isCheckpointed: Bool
  /// Of how many pieces of a contrastive batch the MLPs' results are kept; see `ContrastivePieces`.
  package internal(set) var keptPieces = 0

  /// What is touched after the forecast was made: pages of the program and its libraries, stacks, texts of the run.
  static let programAtWork = 4 << 20
  /// Kernels, and memory that products and kernels take for themselves, on a device.
  static let deviceAtWork = 512 << 20

  /// The most bytes that will be resident at once.
  public var total: Int { base + weights + training + activations + keysAndValues + working + data }

  package init(_ plan: Plan, base: Int, isCheckpointed: Bool) {
    let memory = ActivationMemory(
      precision: plan.precision, activations: plan.activations, logitChunkByteCount: plan.logitChunkByteCount,
      keepsAttentionOutput: plan.keepsAttentionOutput,
      roundsDecoder: plan.roundsDecoder)
    let policy = plan.policy, batch = plan.batch
    let decoder = plan.decoder, patchRows = batch.images * plan.vision.patchCount
    let trainsVision = policy.trainsVisionInFirstEpoch, adapters = plan.adapters
    let recordsVision = trainsVision || adapters?.touches(.visionEncoder) == true
    let recordsProjector = policy.trainsProjector || adapters?.touches(.projector) == true

    var kept = memory.projector(
      plan.projector, rows: batch.images * plan.rowsPerImage, isTrained: recordsProjector,
      isRecorded: recordsProjector || recordsVision)
    var whole = memory.decoderBlock(decoder, rows: batch.rows, read: batch.rows, isTrained: policy.trainsDecoder)
    var last = memory.decoderBlock(decoder, rows: batch.rows, read: batch.read, isTrained: policy.trainsDecoder)
    if let adapters {
      whole += memory.adaptedBlock(decoder, adapters, rows: batch.rows, read: batch.rows)
      last += memory.adaptedBlock(decoder, adapters, rows: batch.rows, read: batch.read)
    }
    var again = BufferBytes()
    if isCheckpointed {
      kept.add(batch.rows, decoder.hiddenSize, count: decoder.layerCount)
      // Its input is among what is kept, and the input of its last norm is gone by then.
      var gone = BufferBytes()
      gone.add(batch.rows, decoder.hiddenSize, count: 2)
      again = (decoder.layerCount > 1 ? whole : last) - gone
    } else {
      for layer in 0..<decoder.layerCount { kept += layer == decoder.layerCount - 1 ? last : whole }
    }
    kept.add(batch.supervised, decoder.hiddenSize)
    if recordsVision {
      var block = memory.visionBlock(plan.vision, rows: patchRows)
      if let adapters { block += memory.adaptedBlock(plan.vision, adapters, rows: patchRows) }
      for _ in 0..<plan.vision.layerCount {
        if isCheckpointed { kept.add(patchRows, plan.vision.hiddenSize) } else { kept += block }
      }
      if isCheckpointed { again = .larger(again, block) }
    }

    // The last block, which is walked first, has given back what it kept when a whole one is at its widest.
    var afterLast = kept
    if decoder.layerCount > 1 {
      var input = BufferBytes()
      input.add(batch.rows, decoder.hiddenSize)
      afterLast = kept - (isCheckpointed ? input : last)
    }
    var backward =
      again + memory.decoderBackward(decoder, rows: decoder.layerCount > 1 ? batch.rows : batch.read)
    if let adapters {
      backward += memory.adapterBackward(adapters, rows: max(batch.rows, recordsVision ? patchRows : 0))
    }
    let loss = memory.loss(decoder, supervised: batch.supervised)
    // With kept features images are encoded one by one.
    var vision = memory.visionForward(plan.vision, rows: plan.keepsFeatures ? plan.vision.patchCount : patchRows)
    // Beside it nothing of a step is kept either.
    if let validation = plan.validation {
      let answers = MemoryForecast.bytes(of: validation, plan, memory)
      for part in [answers.vision, answers.prompts, answers.tokens + answers.headCopy, answers.likelihoods] {
        vision = .larger(vision, part)
      }
    }
    var data = BufferBytes()
    if plan.keepsFeatures {
      data.add(
        plan.featuresPerImage, plan.vision.hiddenSize, size: plan.precision.byteCount, count: 2 * batch.imagesOfStep)
    } else {
      let side = plan.vision.imageSize
      data.add(1, plan.vision.channelCount * side * side, count: 2 * batch.imagesOfStep)
    }

    let parts = [
      (plan.footprints.vision, trainsVision), (plan.footprints.projector, policy.trainsProjector),
      (plan.footprints.decoder, policy.trainsDecoder),
    ]
    let most = Decoder.mostPackedWeights
    packedVision =
      trainsVision || plan.roundsVision ? 0 : MemoryForecast.packedByteCount(TensorTable(of: plan.vision), plan)
    packedDecoder =
      policy.trainsDecoder || plan.roundsDecoder
      ? 0 : MemoryForecast.packedByteCount(TensorTable(of: decoder), plan, most: most)
    let packed = packedVision + packedDecoder
    // A packed copy takes the place of the pages of the file, or of the numbers that were converted from it.
    let returned =
      min(packedVision, plan.footprints.vision.returnable) + min(packedDecoder, plan.footprints.decoder.returnable)
    let rounded =
      (plan.roundsVision
        ? MemoryForecast.roundedByteCount(TensorTable(of: plan.vision).matricesByInput, packed: true) : 0)
      + (plan.roundsDecoder ? MemoryForecast.roundedByteCount(TensorTable(of: decoder).matricesByInput) : 0)
    weights =
      parts.reduce(0) { $0 + ($1.1 ? 0 : $1.0.mapped) + $1.0.copied } + packed - returned
      + rounded
      - (plan.roundsVision ? plan.footprints.vision.returnableBlocks : 0)
      - (plan.roundsDecoder ? plan.footprints.decoder.returnableBlocks : 0)
      + plan.frozenEmbeddings.mapped
      - MemoryForecast.headBytesGivenBack(plan)
    let savesMoments = plan.optimizer == .adamw8bit
    func trained(_ part: WeightsFootprint) -> Int { part.trained - (savesMoments ? part.savedByEightBits : 0) }
    training =
      parts.reduce(0) { $0 + ($1.1 ? trained($1.0) : 0) } - trained(plan.frozenEmbeddings)
      + (adapters?.count ?? 0) * Parameter.trainedByteCount(plan.precision)
      - (savesMoments ? adapters?.byteCountSavedByEightBits ?? 0 : 0)
    activations = kept.asked
    keysAndValues = 0
    func highest(_ bytes: KeyPath<BufferBytes, Int>) -> Int {
      max(
        kept[keyPath: bytes] + loss[keyPath: bytes], afterLast[keyPath: bytes] + backward[keyPath: bytes],
        vision[keyPath: bytes])
    }
    let inBuffers = parts.reduce(0) { $0 + $1.0.copied } + training + packed + rounded
    self.data = data.asked + (plan.isOnDevice ? 0 : plan.mappedShards)
    buffers = inBuffers + data.pooled + highest(\.pooled)
    // Buffers of one part or batch are too large or small for another, and the pool keeps some idle.
    let idle =
      plan.isOnDevice
      ? 0
      : min(
        (kept.pooled + loss.pooled + backward.pooled + vision.pooled) / 2,
        MemoryPool.room(peak: buffers, largest: max(highest(\.largest), data.largest)))
    working =
      highest(\.asked) - min(kept.asked, highest(\.asked)) + idle + MemoryForecast.preparedByteCount(plan)
      + (plan.isOnDevice ? MemoryForecast.deviceAtWork : MemoryForecast.programAtWork)
    self.base = plan.isOnDevice ? 0 : base
    // Pixels are read into it before they are copied.
    host = plan.isOnDevice ? base + plan.mappedShards + data.asked + MemoryForecast.programAtWork : nil
    self.isCheckpointed = isCheckpointed
    packsFrozen = plan.packsFrozen
  }

  /// Bytes of a mapped head whose pages do not stay, as the loss gives them back. A validation's answers read it whole.
  private static func headBytesGivenBack(_ plan: Plan) -> Int {
    let byteCount = plan.outputHead.mapped, rows = plan.decoder.vocabularySize
    guard !plan.isOnDevice, plan.validation == nil,
      let resident = CPUBackend.residentHeadRows(byteCount: byteCount, rows: rows, isMapped: byteCount > 0)
    else { return 0 }
    return byteCount - byteCount / rows * resident
  }

  /// One line for the run's header.
  public var summary: String {
    func text(_ bytes: Int) -> String { MemoryForecast.text(bytes) }
    let trained = training > 0 ? ", training them \(text(training)), activations \(text(activations))" : ""
    let cache = keysAndValues > 0 ? ", keys and values \(text(keysAndValues))" : ""
    let parts =
      "weights \(text(weights))\(trained)\(cache), working space \(text(working)), data \(text(data))"
    if let host { return "\(text(total)) at most on the device: \(parts); \(text(host)) on the host" }
    return "\(text(total)) at most: \(parts), program \(text(base))"
  }

  /// Bytes of the process that are resident, in words.
  public static var residentText: String { text(ProcessMemory.residentByteCount) }

  /// Bytes in words.
  public static func text(_ bytes: Int) -> String {
    for (name, shift) in [("GiB", 30), ("MiB", 20)] where bytes >= 1 << shift {
      return String(format: "%.2f \(name)", Double(bytes) / Double(1 << shift))
    }
    return String(format: "%.1f KiB", Double(bytes) / 1024)
  }
}
