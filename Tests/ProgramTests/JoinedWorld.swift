import Carina
import Foundation
import TestSupport

/// A joined Gemma 3 over the images of `TrainingWorld`, in parts and as one directory that nobody knows to be Carina's.
final class JoinedWorld: Sendable {
  /// The one that all tests share; none may write into it.
  static func shared() throws -> JoinedWorld { try made.get() }

  private static let made: Result<JoinedWorld, Error> = Result {
    // Nothing static is ever deinitialised.
    atexit { if case .success(let world) = made { try? FileManager.default.removeItem(atPath: world.directory.path) } }
    return try JoinedWorld()
  }

  private let directory: TemporaryDirectory
  /// Images, records and shards.
  let world: TrainingWorld
  /// Encoder, pooled projector and decoder apart, as a run leaves them.
  var parts: String { directory.file("parts") }
  /// The same as a `Gemma3ForConditionalGeneration`.
  var model: String { directory.file("model") }

  private init() throws {
    directory = try TemporaryDirectory()
    world = try TrainingWorld.shared()
    let source = RandomParameterSource(seed: 22), language = ModelDirectory(path: world.language)
    let vision = VisionEncoder(
      VisionConfig(
        imageSize: 32, patchSize: 8, hiddenSize: 12, intermediateSize: 20, layerCount: 1, headCount: 2,
        hasPoolingHead: false), from: source)
    let decoder = try language.loadDecoder(precision: .float32, on: TestBackend.chosen).model
    let projector = Projector(
      ProjectorConfig(inputSize: 12, outputSize: 24, pooling: PatchPooling(gridSize: 4, tokensPerSide: 2)), from: source
    )
    try JoinedModelWriter.write(
      VisionLanguageModel(vision: vision, projector: projector, decoder: decoder), languageModel: .copy,
      visionEncoder: .copy, tokenizer: language,
      description: .init(
        promptStyle: .gemma, maximumQuestionTokens: 64, maximumAnswerTokens: 64, transform: ImageTransform(size: 32)),
      type: .float32, to: parts)
    try JoinedExport(parts, as: .gemma3).write(to: model)
    try FileManager.default.removeItem(atPath: model + "/carina.json")
  }

  /// Runs `train-stage2` on the questions.
  func train(
    _ checkpoint: String, output: String, _ extra: [String] = [], precision: String = "fp32", shellPrefix: String = ""
  ) throws -> ProgramRun {
    try ProgramRun(
      "train-stage2",
      [
        "--train-shards", world.questions, "--checkpoint", checkpoint, "--output-dir", output, "--precision", precision,
        "--threads", "1", "--learning-rate", "1e-3", "--warmup-ratio", "0",
      ] + extra, shellPrefix: shellPrefix)
  }
}
