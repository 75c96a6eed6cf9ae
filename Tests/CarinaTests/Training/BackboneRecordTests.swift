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
}
