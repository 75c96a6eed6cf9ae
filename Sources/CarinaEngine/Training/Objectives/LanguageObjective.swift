import CarinaModel
import CarinaTensor

/// Stage 0, language: next-token prediction on text without images.
package final class LanguageObjective: TrainingObjective {
  private let decoder: Decoder
  private let sequences: [ImageTextSequence]

  /// - Parameters:
  ///   - decoder: the model, trained in all its weights.
  ///   - sequences: texts as ids; the supervised ones are targets.
  package init(decoder: Decoder, sequences: [ImageTextSequence]) {
    self.decoder = decoder
    self.sequences = sequences
  }

  /// The model's.
  package var backend: any Backend { decoder.backend }
  /// One a text.
  package var sampleCount: Int { sequences.count }
  /// The decoder's.
  package var parameters: [Parameter] { decoder.parameters }
  /// All, in every epoch.
  package func trainedParameters(epoch: Int) -> [Parameter] { decoder.parameters }
  /// Nothing is left to read.
  package func prepare(_ samples: [Int]) -> [ImageTextSequence] { samples.map { sequences[$0] } }
  /// Supervised tokens.
  package func weight(of batch: [ImageTextSequence]) -> Int { batch.reduce(0) { $0 + $1.supervisedCount } }

  /// See `TrainingObjective`.
  package func accumulate(_ batch: [ImageTextSequence], scale: Float, finiteWatch: FiniteWatch?) -> LossSum {
    let tape = Tape(finiteWatch: finiteWatch)
    let result = decoder.textLoss(batch, scale: scale, tape: tape)
    tape.backward(from: result)
    return LossSum(of: result.losses)
  }
}
