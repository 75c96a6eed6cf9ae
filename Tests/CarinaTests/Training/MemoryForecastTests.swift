import TestSupport
import Testing

import Carina

@Suite("Forecast of memory") struct MemoryForecastTests {
  private func plan(
    rows: Int, trainsDecoder: Bool = true, precision: ElementType = .bfloat16, packsFactors: Bool = true,
    projector: ProjectorConfig = ProjectorConfig(inputSize: 32, hiddenSize: 64, outputSize: 48)
  ) -> MemoryForecast.Plan {
    var weights = WeightsFootprint()
    (weights.mapped, weights.trained, weights.returnable) = (1 << 20, 8 << 20, 1 << 20)
    return MemoryForecast.Plan(
      vision: VisionConfig(
        imageSize: 64, patchSize: 8, hiddenSize: 32, intermediateSize: 64, layerCount: 2, headCount: 2),
      projector: projector,
      decoder: DecoderConfig(
        vocabularySize: 500, hiddenSize: 48, intermediateSize: 96, headCount: 4, keyValueHeadCount: 1, headSize: 12,
        layerIsLocal: Array(repeating: true, count: 8), window: 16, localRotaryBase: 10_000,
        globalRotaryBase: 1_000_000, attentionScale: 0.3, maximumPositions: 1024, endTokens: [1], padToken: 0,
        beginToken: 2),
      footprints: (weights, weights, weights),
      policy: FreezingPolicy(trainsProjector: true, trainsDecoder: trainsDecoder), precision: precision,
      batch: MemoryForecast.Batch(images: 4, rows: rows, supervised: rows / 8, imagesOfStep: 4),
      rowsPerImage: projector.rowCount(features: 64), featuresPerImage: 64, keepsFeatures: false,
      packsFactors: packsFactors)
  }

  @Test("checkpointing is chosen where only it fits, off where it is not needed, and the user's word stands")
  func choosing() throws {
    let plan = plan(rows: 4000)
    let plain = MemoryForecast(plan, base: 0, isCheckpointed: false)
    let checkpointed = MemoryForecast(plan, base: 0, isCheckpointed: true)
    #expect(checkpointed.total < plain.total && checkpointed.activations * 3 < plain.activations)
    func choose(_ choice: Bool?, _ available: Int?) throws -> Bool {
      try MemoryForecast.fitting(plan, base: 0, choice: choice, available: available).isCheckpointed
    }
    #expect(try !choose(nil, plain.total) && choose(nil, plain.total - 1) && choose(nil, checkpointed.total))
    #expect(try !choose(nil, nil) && choose(true, nil) && choose(true, plain.total) && !choose(false, plain.total))
    for (choice, available, remedy) in [
      (false, plain.total - 1, "gradient_checkpointing"), (nil, checkpointed.total - 1, "batch_size"),
      (true, checkpointed.total - 1, "unfreeze_llm off"),
    ] as [(Bool?, Int, String)] {
      let error = #expect(throws: CarinaError.self) { try choose(choice, available) }
      #expect(error?.kind == .usage && error?.remedy?.contains(remedy) == true)
    }
  }

  @Test("a validation counts where its batch needs more than a step, and for the sizes that steps do not have")
  func validation() {
    func forecast(_ rows: Int?, sizes: Set<Int> = []) -> MemoryForecast {
      var plan = plan(rows: 400)
      plan.validation = rows.map {
        var all = MemoryForecast.BatchSizes()
        all.others.all = sizes
        return MemoryForecast.Answers(
          images: 4, rows: $0, supervised: $0 / 8, sequences: 4, longest: $0 / 4, newTokens: 64, sizes: all)
      }
      return MemoryForecast(plan, base: 0, isCheckpointed: false)
    }
    let none = forecast(nil)
    let small = forecast(100)
    // Buffers of other sizes leave the pool a little more that is idle.
    #expect(small.buffers == none.buffers && small.total >= none.total && small.total < none.total + none.total / 10)
    #expect(forecast(40_000).total > none.total && forecast(40_000).buffers > none.buffers)
    #expect(forecast(40_000).activations == none.activations)
    #expect(forecast(100, sizes: [300]).total > small.total && forecast(100, sizes: [400]).total == small.total)
  }

  @Test("embeddings that stay frozen cost their bytes in the file and nothing of what training takes")
  func frozenEmbeddings() {
    var plan = plan(rows: 100)
    let all = MemoryForecast(plan, base: 0, isCheckpointed: false)
    (plan.frozenEmbeddings.mapped, plan.frozenEmbeddings.trained) = (1 << 17, 3 << 20)
    let part = MemoryForecast(plan, base: 0, isCheckpointed: false)
    #expect(part.training == all.training - (3 << 20) && part.weights == all.weights + (1 << 17))
    #expect(part.activations == all.activations && part.buffers < all.buffers)
  }

  @Test(
    "a trained weight costs what it is, its original, its gradient and two moments; a frozen one at most a packed copy")
  func training() {
    #expect(Parameter.trainedByteCount(.float32) == 4 + 4 + 8)
    #expect(Parameter.trainedByteCount(.bfloat16) >= 2 + 2 + 4 + 8)
    let all = MemoryForecast(plan(rows: 100), base: 5, isCheckpointed: false)
    let part = MemoryForecast(plan(rows: 100, trainsDecoder: false), base: 5, isCheckpointed: false)
    #expect(all.training - part.training == 8 << 20 && all.weights <= part.weights && all.base == 5)
    #expect(all.activations > part.activations)
  }

  @Test("moments in 8 bits cost two bytes and a scale for each 256, small ones stay fp32, and a refusal names them")
  func eightBits() throws {
    #expect(EightBitMoments.byteCount(4096) == 2 * (4096 + 4 * 16) && EightBitMoments.byteCount(4095) == 8 * 4095)
    #expect(Parameter.byteCountSavedByEightBits(4097) == 8 * 4097 - 2 * (4097 + 4 * 17))
    var plan = plan(rows: 100)
    plan.footprints.decoder.savedByEightBits = 3 << 20
    plan.footprints.vision.savedByEightBits = 1 << 20
    plan.frozenEmbeddings.savedByEightBits = 1 << 19
    let full = MemoryForecast(plan, base: 0, isCheckpointed: false)
    let error = #expect(throws: CarinaError.self) {
      try MemoryForecast.fitting(plan, base: 0, choice: false, available: 1)
    }
    #expect(error?.remedy?.contains("optimizer adamw8bit") == true)
    plan.optimizer = .adamw8bit
    let small = MemoryForecast(plan, base: 0, isCheckpointed: false)
    // The vision encoder is not trained here.
    #expect(full.training - small.training == 3 << 20 - 1 << 19 && small.buffers < full.buffers)
    #expect(small.activations == full.activations && small.weights == full.weights)
  }

  @Test(
    "blocks in 8 bits cost a byte a weight, three numbers a row, one a column of what reads the same rows, and neither file's pages nor packed copies"
  )
  func rounded() {
    var plan = plan(rows: 100, trainsDecoder: false)
    plan.footprints.decoder.returnableBlocks = 1 << 19
    plan.packsFactors = false
    let full = MemoryForecast(plan, base: 0, isCheckpointed: false)
    plan.roundsDecoder = true
    let one = MemoryForecast(plan, base: 0, isCheckpointed: false)
    // Eight layers of query and output [48, 48], key and value [12, 48], gate and up [96, 48], and down [48, 96].
    let shapes = [(48, 48), (48, 48), (12, 48), (12, 48), (96, 48), (96, 48), (48, 96)]
    func numbers(_ count: Int) -> Int { (count * 4 + 63) / 64 * 64 }
    // Query, key and value share the factors of their columns, and gate and up theirs.
    let bytes = shapes.reduce(0) { $0 + $1.0 * $1.1 + 3 * numbers($1.0) } + 4 * (48 + 48 + 48 + 96)
    #expect(one.weights == full.weights - (1 << 19) + 8 * bytes)
    // Both factors of the gates are kept in bfloat16.
    let narrower = full.activations - one.activations
    #expect(narrower > 0 && one.buffers + narrower > full.buffers && one.training == full.training)
    plan.packsFactors = true
    let packed = MemoryForecast(plan, base: 0, isCheckpointed: false)
    plan.roundsVision = true
    let both = MemoryForecast(plan, base: 0, isCheckpointed: false)
    #expect(packed.packedVision > 0 && both.packedVision == 0 && both.weights < packed.weights + (1 << 16))
  }

  @Test("of a device with memory of its own: no program, no pages of shards, activations as it stores them, no int8")
  func device() throws {
    var plan = plan(rows: 4000, packsFactors: false)
    plan.mappedShards = 64 << 20
    let host = MemoryForecast(plan, base: 100 << 20, isCheckpointed: false)
    plan.isOnDevice = true
    let wide = MemoryForecast(plan, base: 100 << 20, isCheckpointed: false)
    #expect(host.host == nil && wide.base == 0 && wide.data == host.data - (64 << 20))
    #expect((wide.host ?? 0) > 164 << 20 && wide.activations == host.activations)
    #expect((wide.weights, wide.training) == (host.weights, host.training))
    plan.activations = .bfloat16
    let narrow = MemoryForecast(plan, base: 100 << 20, isCheckpointed: false)
    #expect(narrow.activations < wide.activations * 3 / 4 && narrow.training == wide.training)
    #expect(narrow.summary.contains("on the device") && narrow.summary.contains("on the host"))
    plan.keepsAttentionOutput = true
    // Its result is the input of a trained map; a number for each of 4 heads and each row comes to it.
    let keeping = MemoryForecast(plan, base: 100 << 20, isCheckpointed: false)
    #expect(keeping.activations == narrow.activations + (7 * 4000 + 500) * 4 * 4)
    plan.keepsAttentionOutput = false
    func choose(_ available: Int) throws -> MemoryForecast {
      try MemoryForecast.fitting(plan, base: 100 << 20, choice: false, available: available)
    }
    #expect(try choose(narrow.total) == narrow)
    plan.policy = .stage1
    let small = MemoryForecast(plan, base: 100 << 20, isCheckpointed: false)
    let error = #expect(throws: CarinaError.self) { try choose(small.total - 1) }
    #expect(error?.kind == .usage && error?.what.contains("the device") == true)
    #expect(error?.remedy?.contains("int8") == false)
  }

  @Test("averages of patches leave the projector fewer rows to keep, and Gemma 3's form has no hidden layer")
  func projectorForms() {
    let pooling = PatchPooling(gridSize: 8, tokensPerSide: 2)
    func activations(_ config: ProjectorConfig) -> Int {
      MemoryForecast(plan(rows: 400, projector: config), base: 0, isCheckpointed: false).activations
    }
    let plain = activations(ProjectorConfig(inputSize: 32, hiddenSize: 64, outputSize: 48))
    let pooled = activations(ProjectorConfig(inputSize: 32, hiddenSize: 64, outputSize: 48, pooling: pooling))
    let gemma3 = activations(ProjectorConfig(inputSize: 32, outputSize: 48, pooling: pooling))
    // A row of the MLP keeps its input and the GELU's output in bf16 and the GELU's input in fp32.
    #expect(plain - pooled == 4 * (64 - 4) * (32 * 2 + 64 * 2 + 64 * 4))
    // One of Gemma 3's form the norm's input and one over its root in fp32, and its output in bf16.
    #expect(pooled - gemma3 == 4 * 4 * (32 * 2 + 64 * 2 + 64 * 4 - (32 * 4 + 4 + 32 * 2)))
  }

  /// The decoder of Gemma 3 4B.
  private var large: DecoderConfig {
    DecoderConfig(
      vocabularySize: 262_208, hiddenSize: 2560, intermediateSize: 10_240, headCount: 8, keyValueHeadCount: 4,
      headSize: 256, layerIsLocal: Array(repeating: true, count: 34), window: 1024, localRotaryBase: 10_000,
      globalRotaryBase: 1_000_000, attentionScale: 0.0625, maximumPositions: 131_072, endTokens: [1], padToken: 0,
      beginToken: 2)
  }

  @Test("packed copies are counted for decoders of a billion weights, and neither made nor counted for larger ones")
  func packing() throws {
    var plan = plan(rows: 100, trainsDecoder: false)
    plan.projector = ProjectorConfig(inputSize: 32, hiddenSize: 64, outputSize: 2560)
    plan.decoder = large
    let packed = MemoryForecast(plan, base: 0, isCheckpointed: false)
    plan.packsFactors = false
    let plain = MemoryForecast(plan, base: 0, isCheckpointed: false)
    // The vision encoder's matrices alone: 2 layers of 4 · 32² + 2 · 32 · 64 weights, in place of the file's pages.
    #expect(packed.packedVision == 2 * 2 * (4 * 32 * 32 + 2 * 32 * 64) && packed.packedDecoder == 0)
    #expect(packed.weights == plain.weights && packed.buffers > plain.buffers)
    #expect(packed.packedCopies == "vision encoder 32.0 KiB" && plain.packedCopies == "none")
    plan.packsFactors = true
    // Of a file of half precision, whose converted numbers stay, the copies come on top.
    plan.footprints.vision.returnable = 0
    let converted = MemoryForecast(plan, base: 0, isCheckpointed: false)
    plan.packsFrozen = false
    let unpacked = MemoryForecast(plan, base: 0, isCheckpointed: false)
    #expect(converted.weights - unpacked.weights == converted.packedVision && converted.packsFrozen)
    plan.packsFrozen = true
    let chosen = try MemoryForecast.fitting(plan, base: 0, choice: false, available: converted.total - 1)
    #expect(chosen == unpacked && !chosen.packsFrozen && chosen.packedCopies.hasPrefix("none, as"))
    #expect(try MemoryForecast.fitting(plan, base: 0, choice: false, available: converted.total) == converted)
    for (config, isPacked) in [(large, false), (self.plan(rows: 1).decoder, true)] {
      let decoder = Decoder(config, from: ZeroSource())
      decoder.packWhenFrozen()
      #expect(decoder.parameters.contains { $0.frozenFactor != nil } == isPacked)
    }
  }

  @Test("a large head of a file counts with what is resident of it, unless answers of a validation read it whole")
  func head() {
    var plan = plan(rows: 10)
    let whole = MemoryForecast(plan, base: 0, isCheckpointed: false)
    plan.outputHead.mapped = plan.decoder.vocabularySize << 21
    let pieces = MemoryForecast(plan, base: 0, isCheckpointed: false)
    // Rows of 2 MiB: 64 of them, a tile of the product, stay.
    #expect(whole.weights - pieces.weights == (plan.decoder.vocabularySize - 64) << 21)
    plan.outputHead.mapped = plan.decoder.vocabularySize * 2
    #expect(MemoryForecast(plan, base: 0, isCheckpointed: false) == whole)
    plan.outputHead.mapped = plan.decoder.vocabularySize << 21
    plan.isOnDevice = true
    let onDevice = MemoryForecast(plan, base: 0, isCheckpointed: false)
    plan.outputHead.mapped = 0
    #expect(MemoryForecast(plan, base: 0, isCheckpointed: false) == onDevice)
  }

  @Test("sizes that no memory holds give numbers and no overflow")
  func huge() {
    var bytes = BufferBytes()
    bytes.add(1 << 40, 1 << 40, count: 3)
    #expect(bytes.asked == 3_000_000_000_000_000 && bytes.pooled >= bytes.asked)
  }

  @Test("prepared products count by the sizes of the batches, up to as many as are kept")
  func prepared() {
    func total(
      rows: Set<Int> = [], supervised: Set<Int> = [], precision: ElementType = .bfloat16, packsFactors: Bool = true
    ) -> Int {
      var plan = plan(rows: 4000, precision: precision, packsFactors: packsFactors)
      (plan.sizes.first.all, plan.sizes.first.supervised) = (rows, supervised)
      return MemoryForecast(plan, base: 0, isCheckpointed: false).total
    }
    let one = total()
    #expect(total(rows: [4000]) == one)
    // Five matrices forwards, backwards and to their gradients, of at least 64 KiB each; wq and wo are of one size.
    let two = total(rows: [3000])
    #expect((4 * 3 * (64 << 10)..<5 * 3 * (192 << 10)).contains(two - one), "\(two - one)")
    #expect(total(supervised: [3]) > one)
    let many = total(rows: Set(2000..<4000)), all = total(rows: Set(1000..<4000))
    let most = OneDNNProduct.mostPrepared * (192 << 10)
    #expect(many > two && many - one < most && abs(all - many) < most / 10)
    #expect(total(rows: Set(2000..<4000), packsFactors: false) == total(packsFactors: false))
    // In fp32 so small factors are left to the kernel for them.
    #expect(total(rows: [1, 2, 3], precision: .float32) == total(precision: .float32))
  }

  @Test("a forecast of a step or two of a toy model is not of more than the program and its buffers")
  func toy() {
    let forecast = MemoryForecast(plan(rows: 100), base: 0, isCheckpointed: false)
    #expect(forecast.total < (100 << 20))
  }
}

/// Weights that have a shape and nothing behind it, as nobody reads them.
private final class ZeroSource: ParameterSource {
  private let first = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)

  deinit { first.deallocate() }

  func parameter(_ name: String, shape: [Int], decays: Bool, initialization: Initialization) -> Parameter {
    let storage = Storage(borrowing: first, byteCount: shape.reduce(4, *), owner: self, on: TestBackend.chosen)
    return Parameter(name: name, value: Tensor(shape: shape, storage: storage), decays: decays)
  }
}
