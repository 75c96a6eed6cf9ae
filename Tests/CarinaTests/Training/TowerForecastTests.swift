import TestSupport
import Testing

import Carina

@Suite("Forecast of memory, towers") struct TowerForecastTests {
  /// ViT-L/16-384 with the text tower that belongs to it, 652 million weights in bfloat16.
  private func plan(images: Int, chunk: Int, freezesText: Bool = true) -> MemoryForecast.TowerPlan {
    let vision = VisionConfig(
      imageSize: 384, patchSize: 16, hiddenSize: 1024, intermediateSize: 4096, layerCount: 24, headCount: 16)
    let text = TextEncoderConfig(
      vocabularySize: 32_000, maximumPositions: 64, hiddenSize: 1024, intermediateSize: 4096, projectionSize: 1024,
      layerCount: 24, headCount: 16, padToken: 1)
    var freezing = TowerFreezing()
    freezing.freezesText = freezesText
    var trained = WeightsFootprint(), frozen = WeightsFootprint()
    let table = TensorTable(vision: vision, text: text)
    for row in table.rows {
      if freezing.trains(row.name) { trained.trained += 16 * row.count } else { frozen.mapped += 2 * row.count }
    }
    return MemoryForecast.TowerPlan(
      vision: vision, text: text, trained: trained, frozen: frozen, freezing: freezing, precision: .bfloat16,
      textLength: 64, pieces: ContrastivePieces(images: chunk, vision: vision, textLength: 64), images: images,
      texts: images, imagesOfStep: images, packsFactors: true)
  }

  private func total(_ plan: MemoryForecast.TowerPlan) -> Double {
    Double(MemoryForecast(plan, base: 100 << 20, isCheckpointed: false).total) / 0x1p30
  }

  @Test(
    "a batch of 256 at full size fits into 16 GiB in pieces of 4, with and without the text tower; not in one piece")
  func fullSize() throws {
    #expect(plan(images: 256, chunk: 4).pieces.texts == 36)
    #expect(total(plan(images: 256, chunk: 4)) < 16)
    #expect(total(plan(images: 256, chunk: 4, freezesText: false)) < 16)
    #expect(total(plan(images: 256, chunk: 256)) > 150)
    // Beyond a piece, an image more costs its pixels and embeddings alone.
    let more = total(plan(images: 257, chunk: 4)) - total(plan(images: 256, chunk: 4))
    #expect(more * 1024 < 8)
    #expect(total(plan(images: 4, chunk: 4)) < total(plan(images: 8, chunk: 8)))
  }

  @Test("where there is room, results of pieces are kept: as many as fit with a twentieth to spare, and none else")
  func keeping() throws {
    let plan = plan(images: 256, chunk: 4), base = 100 << 20
    func choose(_ available: Int?, _ plan: MemoryForecast.TowerPlan, _ choice: Bool? = nil) throws -> MemoryForecast {
      try MemoryForecast.fitting(plan, base: base, choice: choice, available: available)
    }
    let plain = MemoryForecast(plan, base: base, isCheckpointed: false).total - base
    #expect(try choose(nil, plan).keptPieces == 0 && choose(plain, plan).keptPieces == 0)
    #expect(try choose(1 << 50, plan).keptPieces == 63 && choose(1 << 50, plan, true).keptPieces == 0)
    let chosen = try choose(14 << 30, plan), more = chosen.keptPieces + 1
    #expect(chosen.keptPieces > 10 && chosen.keptPieces < 63)
    let bytes = Double(chosen.total - base), limit = Double(14 << 30)
    #expect(bytes * 1.05 <= limit)
    let next = MemoryForecast(plan, base: base, isCheckpointed: false, keptPieces: more).total - base
    #expect(Double(next) * 1.05 > limit)
    #expect(try choose(1 << 50, self.plan(images: 4, chunk: 4)).keptPieces == 0)
    var onDevice = plan
    onDevice.activations = .bfloat16
    #expect(try choose(1 << 50, onDevice).keptPieces == 0)
  }

  @Test("checkpointing is chosen where only it fits; what fits in no way is refused with what would help")
  func choosing() throws {
    let plan = plan(images: 64, chunk: 16, freezesText: false)
    let plain = MemoryForecast(plan, base: 0, isCheckpointed: false).total
    let checkpointed = MemoryForecast(plan, base: 0, isCheckpointed: true).total
    #expect(checkpointed < plain)
    func choose(_ choice: Bool?, _ available: Int) throws -> Bool {
      try MemoryForecast.fitting(plan, base: 0, choice: choice, available: available).isCheckpointed
    }
    #expect(try !choose(nil, plain) && choose(nil, plain - 1) && choose(true, plain))
    let error = #expect(throws: CarinaError.self) { try choose(nil, checkpointed - 1) }
    #expect(error?.kind == .usage)
    for remedy in ["chunk_size", "freeze_text_encoder", "freeze_layers_ratio", "batch_size"] {
      #expect(error?.remedy?.contains(remedy) == true, "\(remedy)")
    }
  }
}
