import TestSupport
import Testing

import Carina

@Suite("Trainer, what it refuses") struct TrainerTests {
  /// Two decoders, the weights of which have the same names.
  private final class Doubled: TrainingObjective {
    let one: LanguageObjective, other: LanguageObjective

    init(_ one: LanguageObjective, _ other: LanguageObjective) { (self.one, self.other) = (one, other) }

    var backend: any Backend { one.backend }
    var sampleCount: Int { one.sampleCount }
    var parameters: [Parameter] { one.parameters + other.parameters }
    func trainedParameters(epoch: Int) -> [Parameter] { parameters }
    func prepare(_ samples: [Int]) -> [ImageTextSequence] { one.prepare(samples) }
    func weight(of batch: [ImageTextSequence]) -> Int { one.weight(of: batch) }
    func accumulate(_ batch: [ImageTextSequence], scale: Float, finiteWatch: FiniteWatch?) -> LossSum {
      one.accumulate(batch, scale: scale, finiteWatch: finiteWatch)
    }
  }

  @Test("two weights of one name are refused, as they would share their moments; one that comes twice is not")
  func names() throws {
    func objective() -> LanguageObjective {
      LanguageObjective(
        decoder: Decoder(
          DecoderConfig(
            vocabularySize: 11, hiddenSize: 4, intermediateSize: 6, headCount: 1, keyValueHeadCount: 1, headSize: 4,
            layerIsLocal: [false], window: 16, localRotaryBase: 10_000, globalRotaryBase: 1_000_000,
            attentionScale: 0.5, maximumPositions: 16, endTokens: [1], padToken: 0, beginToken: 2),
          from: RandomParameterSource(seed: 4)),
        sequences: [
          ImageTextSequence(tokensBefore: [2], image: nil, tokensAfter: [3, 4], supervised: [true, true])
        ])
    }
    let one = objective()
    var settings = TrainingSettings()
    settings.batchSize = 1
    settings.gradientAccumulationSteps = 1
    let error = thrownCarinaError { try Trainer(Doubled(one, objective()), settings: settings) }
    #expect(
      error?.kind == .internalFailure && error?.found == one.parameters.first?.name, "\(String(describing: error))")
    _ = try Trainer(Doubled(one, one), settings: settings)
  }
}
