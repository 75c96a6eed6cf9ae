import Carina
import Foundation
import TestSupport

/// Shards of generated radiographs and small backbones with fresh weights: what stages 1 and 2 read. Made once for all tests, none of
/// which may write into it; each test has an output directory of its own.
final class TrainingWorld: Sendable {
  /// The one that all tests share.
  static func shared() throws -> TrainingWorld { try made.get() }

  private static let made: Result<TrainingWorld, Error> = Result {
    // Nothing static is ever deinitialised.
    atexit { if case .success(let world) = made { try? FileManager.default.removeItem(atPath: world.directory.path) } }
    return try TrainingWorld()
  }

  private let directory: TemporaryDirectory

  /// The path of a name inside.
  func file(_ name: String) -> String { directory.file(name) }
  /// Images and records.
  var archive: String { file("archive") }
  /// The backbones and a projector between them.
  var vision: String { file("vision") }
  var language: String { file("language") }
  var projector: String { file("projector") }
  /// 24 questions, the captions of the same images, and questions about other patients.
  var questions: String { file("questions") }
  var captions: String { file("captions") }
  var heldOut: String { file("held-out") }
  /// More of those, about several images.
  var heldOutImages: String { file("held-out-images") }

  private init() throws {
    directory = try TemporaryDirectory()
    try PhantomArchive.write(
      PhantomArchive.Options(
        count: 24, seed: 8, imageSize: 32, splits: try PhantomSplits(validation: 0.25, test: 0)), to: archive)
    try shards("stage2_train", to: questions, limit: 24)
    try shards("stage1_train", to: captions, limit: nil)
    try shards("stage2_val", to: heldOut, limit: 4)
    try shards("stage2_val", to: heldOutImages, limit: 16)
    let texts = try ["stage1_train", "stage2_train"].flatMap { records in
      try ArchiveReader.records("\(archive)/\(records).json", format: .carina).flatMap { [$0.question, $0.answer] }
    }
    let tokenizer = file("tokenizer")
    try BytePairTrainer(vocabularySize: 400).train(on: texts).write(to: tokenizer)
    let source = RandomParameterSource(seed: 21)
    let vision = VisionEncoder(
      VisionConfig(
        imageSize: 32, patchSize: 16, hiddenSize: 16, intermediateSize: 24, layerCount: 1, headCount: 2,
        hasPoolingHead: false), from: source)
    try ModelDirectoryWriter.write(vision, transform: ImageTransform(size: 32), to: self.vision, type: .float32)
    let decoder = Decoder(
      DecoderConfig(
        vocabularySize: try TokenizerFactory.load(directory: tokenizer).vocabularySize, hiddenSize: 24,
        intermediateSize: 40, headCount: 2, keyValueHeadCount: 1, headSize: 12, layerIsLocal: [true, false], window: 16,
        localRotaryBase: 10_000, globalRotaryBase: 1_000_000, attentionScale: 0.3, maximumPositions: 1024,
        endTokens: [1], padToken: 0, beginToken: 2), from: source)
    try ModelDirectoryWriter.write(
      decoder, to: language, type: .float32, tokenizer: ModelDirectory(path: tokenizer))
    let projector = Projector(ProjectorConfig(inputSize: 16, hiddenSize: 32, outputSize: 24), from: source)
    try ModelDirectoryWriter.write(projector, to: self.projector, type: .float32)
  }

  private func shards(_ records: String, to path: String, limit: Int?) throws {
    var options = PreprocessOptions(
      records: "\(archive)/\(records).json", imageRoots: [archive], output: path,
      transform: try ImageTransform(size: 32))
    options.limit = limit
    _ = try Preprocessor.run(options)
  }

  /// Runs `train-stage1` on the captions or `train-stage2` on the questions.
  ///
  /// - Parameters:
  ///   - extra: put last, so that it decides where an option is there twice.
  func train(stage: Int, output: String, _ extra: [String] = [], shellPrefix: String = "") throws -> ProgramRun {
    let projector = stage == 1 ? ["--init-projector", projector] : ["--stage1-projector-path", projector]
    return try ProgramRun(
      "train-stage\(stage)",
      [
        "--train-shards", stage == 1 ? captions : questions, "--vision-model", vision, "--llm", language,
        "--output-dir", output, "--precision", "fp32", "--threads", "1", "--learning-rate", "1e-3",
      ] + projector + extra, shellPrefix: shellPrefix)
  }
}
