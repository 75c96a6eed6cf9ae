import Carina
import Foundation

/// A joined model of a few thousand random weights in a directory of its own, as a training run would leave it.
public final class TinyJoinedModel {
  private let directory: TemporaryDirectory
  /// The joined model's directory.
  public var path: String { directory.file("final_model") }

  /// Writes the model; images are 16 pixels a side, a question may have 24 ids.
  public init(style: PromptStyle = .gemma, seed: UInt64 = 1, maximumPositions: Int = 512) throws {
    directory = try TemporaryDirectory()
    let tokenizerPath = directory.file("tokenizer")
    try FileManager.default.createDirectory(atPath: tokenizerPath, withIntermediateDirectories: true)
    let texts = ["is there an effusion?", "is the heart enlarged?", "yes, there is a small effusion", "no"]
    let tokens = try BytePairTrainer(vocabularySize: 320).train(on: texts)
    try tokens.write(to: tokenizerPath)
    let source = RandomParameterSource(seed: seed)
    let vision = VisionEncoder(
      VisionConfig(imageSize: 16, patchSize: 8, hiddenSize: 8, intermediateSize: 12, layerCount: 1, headCount: 2),
      from: source)
    let decoder = Decoder(
      DecoderConfig(
        vocabularySize: tokens.pieces.count, hiddenSize: 12, intermediateSize: 20, headCount: 2, keyValueHeadCount: 1,
        headSize: 6, layerIsLocal: [true, false], window: 16, localRotaryBase: 10_000, globalRotaryBase: 1_000_000,
        attentionScale: 0.4, maximumPositions: maximumPositions, endTokens: [1], padToken: 0, beginToken: 2),
      from: source)
    // Without random signs before the tied head each token predicts itself.
    if let norm = decoder.parameters.last?.value {
      var generator = SeededGenerator(seed: seed, stream: "final norm")
      norm.backend.fill(norm) { bytes in
        let numbers = bytes.bindMemory(to: Float.self)
        for index in numbers.indices { numbers[index] = Float(generator.normal() - 1) }
      }
    }
    let projector = Projector(ProjectorConfig(inputSize: 8, hiddenSize: 16, outputSize: 12), from: source)
    try JoinedModelWriter.write(
      VisionLanguageModel(vision: vision, projector: projector, decoder: decoder), languageModel: .copy,
      visionEncoder: .copy, tokenizer: ModelDirectory(path: tokenizerPath),
      description: JoinedModelWriter.Description(
        promptStyle: style, maximumQuestionTokens: 24, maximumAnswerTokens: 24, transform: ImageTransform(size: 16)),
      type: .float32, to: path)
  }

  /// Writes a small grey PNG beside the model, a different one for each number, and returns its path.
  public func image(_ number: Int) throws -> String {
    let path = directory.file("image-\(number).png")
    let pixels = (0..<400).map { UInt8(truncatingIfNeeded: $0 &* (number &* 7 &+ 3)) }
    try AtomicFile.write(PNGEncoder.encode(pixels, side: 20), to: path)
    return path
  }

  /// The path of a name beside the model.
  public func file(_ name: String) -> String { directory.file(name) }
}
