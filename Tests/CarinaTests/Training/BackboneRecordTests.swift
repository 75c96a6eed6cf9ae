import Carina
import Testing

@Suite struct BackboneRecordTests {
  @Test("the record of stage 0 names a vision tower as it always has, so that earlier runs can be resumed")
  func shape() {
    let config = VisionConfig(
      imageSize: 64, patchSize: 8, hiddenSize: 96, intermediateSize: 384, layerCount: 2, headCount: 4)
    #expect(
      "\(config)"
        == "VisionConfig(imageSize: 64, patchSize: 8, channelCount: 3, hiddenSize: 96, intermediateSize: 384, "
        + "layerCount: 2, headCount: 4, epsilon: 1e-06, activation: Carina.GELUKind.tanhApproximation, "
        + "hasPoolingHead: true)")
  }

  @Test("and a decoder as it always has; a head of its own, which stage 0 has none of, is named besides")
  func decoder() {
    let config = DecoderConfig(
      vocabularySize: 40, hiddenSize: 24, intermediateSize: 48, headCount: 2, keyValueHeadCount: 1, headSize: 12,
      layerIsLocal: [true, false], window: 8, localRotaryBase: 10_000, globalRotaryBase: 1_000_000,
      attentionScale: 0.25, maximumPositions: 64, endTokens: [1, 5], padToken: 0, beginToken: nil)
    let text =
      "DecoderConfig(vocabularySize: 40, hiddenSize: 24, intermediateSize: 48, headCount: 2, keyValueHeadCount: 1, "
      + "headSize: 12, layerIsLocal: [true, false], window: 8, localRotaryBase: 10000.0, globalRotaryBase: 1000000.0, "
      + "globalRotaryScale: 1.0, attentionScale: 0.25, epsilon: 1e-06, maximumPositions: 64, endTokens: [1, 5], "
      + "padToken: Optional(0), beginToken: nil"
    #expect("\(config)" == text + ")")
    #expect("\(config.with(hasOwnHead: true))" == text + ", hasOwnHead: true)")
  }
}
