import Carina
import Foundation
import TestSupport

/// A small SigLIP with its tokenizer over the images of `TrainingWorld`, and captions to train on and held out.
final class TowerWorld: Sendable {
  /// The one that all tests share; none may write into it.
  static func shared() throws -> TowerWorld { try made.get() }

  private static let made: Result<TowerWorld, Error> = Result {
    // Nothing static is ever deinitialised.
    atexit { if case .success(let world) = made { try? FileManager.default.removeItem(atPath: world.directory.path) } }
    return try TowerWorld()
  }

  private let directory: TemporaryDirectory
  /// Images, records and shards.
  let world: TrainingWorld
  /// Both towers, which read texts of at most 24 ids.
  var model: String { directory.file("model") }
  /// Captions of other patients than those to train on.
  var heldOut: String { directory.file("held-out") }

  private init() throws {
    directory = try TemporaryDirectory()
    world = try TrainingWorld.shared()
    var options = PreprocessOptions(
      records: "\(world.archive)/stage1_val.json", imageRoots: [world.archive], output: directory.file("held-out"),
      transform: try ImageTransform(size: 32))
    options.limit = 6
    _ = try Preprocessor.run(options)
    let tokenizer = ModelDirectory(path: world.file("tokenizer"))
    let model = SiglipModel(
      vision: VisionConfig(
        imageSize: 32, patchSize: 8, hiddenSize: 16, intermediateSize: 24, layerCount: 2, headCount: 2),
      text: TextEncoderConfig(
        vocabularySize: try TokenizerFactory.load(directory: tokenizer.path).vocabularySize, maximumPositions: 24,
        hiddenSize: 16, intermediateSize: 24, projectionSize: 16, layerCount: 2, headCount: 2, padToken: 0),
      from: RandomParameterSource(seed: 31))
    try ModelDirectoryWriter.write(
      model, transform: ImageTransform(size: 32), to: directory.file("model"), type: .float32, tokenizer: tokenizer)
  }

  /// Runs `train-stage0 --vision-model` on the captions.
  /// - Parameter extra: put last, so that it decides where an option is there twice.
  func train(output: String, _ extra: [String] = [], shellPrefix: String = "") throws -> ProgramRun {
    try ProgramRun(
      "train-stage0",
      [
        "--train-shards", world.captions, "--vision-model", model, "--output-dir", output, "--precision", "fp32",
        "--threads", "1", "--learning-rate", "1e-3", "--batch-size", "5", "--num-epochs", "2",
      ] + extra, shellPrefix: shellPrefix)
  }
}
