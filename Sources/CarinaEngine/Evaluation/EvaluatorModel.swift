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

  /// A model that was loaded.
  /// - Parameter maximumAnswerTokens: instead of the limit that the model was trained with, for references whose likelihood is taken.
  /// - Throws: `CarinaError` naming the file at fault.
  public init(_ answering: AnsweringModel, maximumAnswerTokens: Int? = nil) throws {
    let limits = answering.renderer
    self.answering = answering
    renderer = try PromptRenderer(
      tokenizer: limits.tokenizer, style: limits.style, maximumQuestionTokens: limits.maximumQuestionTokens,
      maximumAnswerTokens: maximumAnswerTokens ?? limits.maximumAnswerTokens)
    let model = answering.model
    let tokenizerFiles = try TokenizerFactory.fileNames.filter(answering.tokenizer.has).map {
      "\($0) \(try SHA256Digest.ofFile(answering.tokenizer.file($0)))"
    }
    identity = [
      ("language-model", answering.parts.language.weights.sampledFingerprint().description),
      ("vision-encoder", answering.parts.vision.weights.sampledFingerprint().description),
      ("projection-layer", answering.parts.projector.weights.sampledFingerprint().description),
      ("tokenizer", String(SHA256Digest.of(tokenizerFiles.joined(separator: "\n")).prefix(16))),
      ("vision-feature", model.feature.rawValue + (model.dropsFirstPatch ? ", without the first patch" : "")),
      ("prompt-style", renderer.style.rawValue), ("max-question-tokens", "\(renderer.maximumQuestionTokens)"),
      ("max-answer-tokens", "\(renderer.maximumAnswerTokens)"), ("precision", answering.precision.rawValue),
    ]
  }

  /// From the stored pixels of a shard directory to this model's numbers. A checkpoint knows how its pixels were made and refuses
  /// others; parts know only a size and a normalisation.
  /// - Throws: `CarinaError.badData` naming what differs.
  package func transform(for shards: ShardDirectory) throws -> ImageTransform {
    if answering.knowsPixels {
      try answering.transform.requireSamePixels(as: shards.transform, at: shards.path)
      return answering.transform
    }
    return try shards.transform.withNormalization(of: answering.transform, at: shards.path)
  }

  /// The identity of features that this model's encoder makes.
  /// - Throws: `CarinaError.missingInput`, `.badData`.
  func featureIdentity(transform: ImageTransform) throws -> FeatureIdentity {
    try FeatureIdentity(
      answering.model, weights: answering.parts.vision.weights, transform: transform, precision: answering.precision)
  }

  /// Projected rows of images from their features.
  func imageRows(features: Tensor) -> Tensor { answering.model.projector(features, tape: nil) }

  /// Projected rows of images, [images · rowsPerImage, D], from their normalised pixels, [images, channels · size · size].
  func imageRows(_ pixels: Tensor) -> Tensor {
    let model = answering.model
    return model.projector(model.features(pixels, count: pixels.rows, tape: nil), tape: nil)
  }
}
