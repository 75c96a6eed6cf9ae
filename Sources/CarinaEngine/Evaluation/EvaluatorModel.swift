import CarinaData
import CarinaRuntime
import CarinaTensor
import CarinaText

/// A model ready to be asked, with what tells it from another.
public struct EvaluatorModel {
  /// The three parts joined, and the ids at which an answer ends.
  public let answering: AnsweringModel
  /// From texts to ids and back.
  package let renderer: PromptRenderer
  /// Everything besides the pixels that its answers depend on, as names and values; no paths.
  package let identity: [(name: String, value: String)]

  /// What an evaluation that goes on has to have in common beyond that, where matrices are in 8 bits.
  var roundingIdentity: [(name: String, value: String)] {
    answering.model.vision.multipliesBytes ? [("byte-rounding", "\(ByteRounding.version)")] : []
  }

  /// A model that was loaded.
  /// - Parameter maximumAnswerTokens: instead of the limit that the model was trained with, for references whose
  ///   likelihood is taken.
  /// - Throws: `CarinaError` naming the file at fault.
  public init(_ answering: AnsweringModel, maximumAnswerTokens: Int? = nil) throws {
    self.answering = answering
    renderer = try answering.renderer.limited(answerTokens: maximumAnswerTokens)
    let model = answering.model
    let tokenizerFiles = try TokenizerFactory.fileNames.filter(answering.pipeline.tokenizer.has).map {
      "\($0) \(try SHA256Digest.ofFile(answering.pipeline.tokenizer.file($0)))"
    }
    let weights = [
      ("language-model", answering.pipeline.language.weights), ("vision-encoder", answering.pipeline.vision.weights),
      ("projection-layer", answering.pipeline.projector?.weights),
    ]
    identity =
      weights.compactMap { name, weights in weights.map { (name, $0.sampledFingerprint().description) } } + [
        ("tokenizer", String(SHA256Digest.of(tokenizerFiles.joined(separator: "\n")).prefix(16))),
        ("vision-feature", model.feature.rawValue + (model.dropsFirstPatch ? ", without the first patch" : "")),
        ("prompt-style", renderer.style.rawValue), ("max-question-tokens", "\(renderer.maximumQuestionTokens)"),
        ("max-answer-tokens", "\(renderer.maximumAnswerTokens)"), ("precision", answering.precision.rawValue),
      ] + (renderer.system.map { [("system", $0)] } ?? [])
      + (model.decoder.head.quantized != nil ? [("weights", WeightStorage.int8.rawValue)] : [])
      + (model.vision.multipliesBytes ? [("vision-weights", WeightStorage.int8.rawValue)] : [])
      + answering.pipeline.adapterIdentity
  }
}
