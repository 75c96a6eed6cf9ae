import TestSupport
import Testing

import Carina

@Suite("Forecast of memory") struct MemoryForecastTests {
  private static let small = DecoderConfig(
    vocabularySize: 500, hiddenSize: 48, intermediateSize: 96, headCount: 4, keyValueHeadCount: 1, headSize: 12,
    layerIsLocal: Array(repeating: true, count: 8), window: 16, localRotaryBase: 10_000,
    globalRotaryBase: 1_000_000, attentionScale: 0.3, maximumPositions: 1024, endTokens: [1], padToken: 0,
    beginToken: 2)

  private func plan(
    rows: Int, trainsDecoder: Bool = true, decoder: DecoderConfig = small, packsFactors: Bool = true
  ) -> MemoryForecast.Plan {
    var weights = WeightsFootprint()
    (weights.mapped, weights.trained) = (1 << 20, 8 << 20)
    return MemoryForecast.Plan(
      vision: VisionConfig(
        imageSize: 64, patchSize: 8, hiddenSize: 32, intermediateSize: 64, layerCount: 2, headCount: 2),
      projector: ProjectorConfig(inputSize: 32, hiddenSize: 64, outputSize: decoder.hiddenSize), decoder: decoder,
      footprints: (weights, weights, weights),
      policy: FreezingPolicy(trainsProjector: true, trainsDecoder: trainsDecoder), precision: .bfloat16,
      batch: MemoryForecast.Batch(images: 4, rows: rows, supervised: rows / 8, imagesOfStep: 4), rowsPerImage: 64,
      keepsFeatures: false, packsFactors: packsFactors)
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

  /// The decoder of Gemma 3 4B.
  private var large: DecoderConfig {
    DecoderConfig(
      vocabularySize: 262_208, hiddenSize: 2560, intermediateSize: 10_240, headCount: 8, keyValueHeadCount: 4,
      headSize: 256, layerIsLocal: Array(repeating: true, count: 34), window: 1024, localRotaryBase: 10_000,
      globalRotaryBase: 1_000_000, attentionScale: 0.0625, maximumPositions: 131_072, endTokens: [1], padToken: 0,
      beginToken: 2)
  }

  @Test("packed copies are counted for decoders of a billion weights, and neither made nor counted for larger ones")
  func packing() {
    func weights(isPacked: Bool) -> Int {
      let plan = plan(rows: 100, trainsDecoder: false, decoder: large, packsFactors: isPacked)
      return MemoryForecast(plan, base: 0, isCheckpointed: false).weights
    }
    // The vision encoder's matrices alone: 2 layers of 4 · 32² + 2 · 32 · 64 weights.
    #expect(weights(isPacked: true) - weights(isPacked: false) == 2 * 2 * (4 * 32 * 32 + 2 * 32 * 64))
    for (config, isPacked) in [(large, false), (MemoryForecastTests.small, true)] {
      let decoder = Decoder(config, from: ZeroSource())
      decoder.packWhenFrozen()
      #expect(decoder.parameters.contains { $0.frozenFactor != nil } == isPacked)
    }
  }

  @Test("sizes that no memory holds give numbers and no overflow")
  func huge() {
    var bytes = BufferBytes()
    bytes.add(1 << 40, 1 << 40, count: 3)
    #expect(bytes.asked == 3_000_000_000_000_000 && bytes.pooled >= bytes.asked)
  }

  @Test("the pool serves a smaller buffer with a larger idle one, and gives idle memory back before it takes much more")
  func pool() {
    let megabyte = 1 << 20, pool = MemoryPool(smallestRoom: 0)
    let first = pool.allocate(12 * megabyte)
    pool.release(first, 12 * megabyte)
    let second = pool.allocate(10 * megabyte)
    #expect(second == first && pool.usage.inUse == 12 * megabyte)
    pool.release(second, 10 * megabyte)
    #expect(pool.usage.inUse == 0 && pool.usage.reserved == 12 * megabyte)
    // Too large for what is idle, which goes back.
    let third = pool.allocate(16 * megabyte)
    #expect(pool.usage.reserved == 16 * megabyte && pool.usage.peak == 16 * megabyte)
    pool.release(third, 16 * megabyte)
    let fourth = pool.allocate(64 * megabyte)
    #expect(pool.usage.reserved == 64 * megabyte)
    // What is idle is too large for it, and there is room to spare.
    pool.release(fourth, 64 * megabyte)
    let fifth = pool.allocate(2 * megabyte)
    #expect(pool.usage.reserved == 66 * megabyte && pool.usage.inUse == 2 * megabyte)
    pool.release(fifth, 2 * megabyte)
    pool.trim()
    #expect(pool.usage.reserved == 0)
  }
}

/// Weights that have a shape and nothing behind it, as nobody reads them.
private final class ZeroSource: ParameterSource {
  private let first = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)

  deinit { first.deallocate() }

  func parameter(_ name: String, shape: [Int], decays: Bool, initialization: Initialization) -> Parameter {
    let storage = Storage(borrowing: first, byteCount: shape.reduce(4, *), owner: self, on: TestBackend.cpu)
    return Parameter(name: name, value: Tensor(shape: shape, storage: storage), decays: decays)
  }
}
