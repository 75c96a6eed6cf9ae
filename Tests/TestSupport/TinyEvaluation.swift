import Carina
import Foundation

/// A joined model with fresh weights and shards of generated radiographs, both small, for tests of evaluation.
public struct TinyEvaluation {
  /// Where everything lies; gone with the last copy of the value.
  public let directory: TemporaryDirectory
  /// The joined model.
  public var checkpoint: String { directory.file("model") }
  /// Questions about a dozen images of some patients.
  public var shards: String { directory.file("shards") }

  /// Draws, preprocesses, makes a tokenizer and a model.
  public init() throws {
    directory = try TemporaryDirectory()
    let archive = directory.file("archive")
    try PhantomArchive.write(
      PhantomArchive.Options(
        count: 12, seed: 5, imageSize: 32, splits: try PhantomSplits(validation: 0, test: 0)), to: archive)
    let transform = try ImageTransform(size: 32)
    let records = archive + "/stage2_train.json"
    _ = try Preprocessor.run(
      PreprocessOptions(records: records, imageRoots: [archive], output: directory.file("shards"), transform: transform)
    )
    let texts = try ArchiveReader.records(records, format: .carina).flatMap { [$0.question, $0.answer] }
    try BytePairTrainer(vocabularySize: 400).train(on: texts).write(to: directory.file("tokenizer"))
    let vocabulary = try TokenizerFactory.load(directory: directory.file("tokenizer")).vocabularySize
    let source = RandomParameterSource(seed: 11)
    let decoder = Decoder(
      DecoderConfig(
        vocabularySize: vocabulary, hiddenSize: 24, intermediateSize: 40, headCount: 2, keyValueHeadCount: 1,
        headSize: 12, layerIsLocal: [true, false], window: 16, localRotaryBase: 10_000, globalRotaryBase: 1_000_000,
        attentionScale: 0.3, maximumPositions: 1024, endTokens: [1], padToken: 0, beginToken: 2), from: source)
    let vision = VisionEncoder(
      VisionConfig(
        imageSize: 32, patchSize: 16, hiddenSize: 16, intermediateSize: 24, layerCount: 1, headCount: 2,
        hasPoolingHead: false), from: source)
    let projector = Projector(ProjectorConfig(inputSize: 16, hiddenSize: 32, outputSize: 24), from: source)
    try JoinedModelWriter.write(
      VisionLanguageModel(vision: vision, projector: projector, decoder: decoder), languageModel: .copy,
      visionEncoder: .copy, tokenizer: ModelDirectory(path: directory.file("tokenizer")),
      description: .init(
        promptStyle: .gemma, maximumQuestionTokens: 64, maximumAnswerTokens: 64, transform: transform),
      type: .float32, to: directory.file("model"))
  }

  /// The bytes of a file in an output directory; empty when there is none.
  public func bytes(_ output: String, _ name: String) -> Data {
    FileManager.default.contents(atPath: directory.file("\(output)/\(name)")) ?? Data()
  }
}
