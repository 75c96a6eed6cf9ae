import Foundation
import TestSupport
import Testing

import Carina

/// A model in parts with Gemma 3's form of projector, written as one directory.
@Suite("Joined Gemma 3, export") struct JoinedGemma3ExportTests {
  private let directory: TemporaryDirectory
  private let source: ModelDirectory

  init() throws {
    directory = try TemporaryDirectory()
    source = try JoinedGemma3Files.golden("infer")
  }

  /// The golden in parts, as a run would have left it.
  private func parts(
    style: PromptStyle = .gemma3, tokenizer: ModelDirectory? = nil, transform: ImageTransform? = nil,
    _ change: (VisionLanguageModel) throws -> VisionLanguageModel = { $0 }
  ) throws -> String {
    let path = directory.file("parts-\(UUID().uuidString.prefix(8))")
    try ExportedParts.write(
      source, to: path, style: style, tokenizer: tokenizer,
      transform: try transform ?? ImageTransform(size: 24, filter: .bilinear),
      system: style == .gemma3 ? "Be brief." : nil,
      change)
    return path
  }

  private func logits(_ path: String) throws -> Tensor {
    try ExportedParts.logits(path, image: source.file("image.png"))
  }

  @Test("the directory has the bits of the parts, opens by itself, and keeps style, limits and system text")
  func whole() throws {
    let parts = try parts(), output = directory.file("joined")
    let export = try JoinedExport(parts, as: .gemma3)
    #expect(export.remarks == [])
    try export.write(to: output)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: output).sorted() == ExportedParts.fileNames)
    let own = try JoinedGemma3Files.tensors(ModelDirectory(path: output))
    let golden = try JoinedGemma3Files.tensors(source)
    #expect(own.count == golden.count)
    for (name, tensor) in golden {
      let hub = JoinedGemma3Files.name(name, as: .hub)
      expectSameBits(try #require(own.first { $0.name == hub }?.tensor, "\(hub)"), tensor, hub)
    }
    expectSameBits(try logits(output), try logits(parts), "logits")
    let found = try CheckpointParts(output), manifest = try #require(found.manifest)
    #expect(manifest.layout == .gemma3 && manifest.maximumQuestionTokens == 40 && found.system == "Be brief.")
    #expect(found.parts.isOneDirectory)
    #expect(try CarinaManifest(json: manifest.json, source: "again") == manifest)
    // Without what Carina says of it, it is a model as others make them.
    try FileManager.default.removeItem(atPath: output + "/carina.json")
    let foreign = try CheckpointParts(output)
    #expect(foreign.manifest == nil && foreign.promptStyle == .gemma3)
    #expect(try foreign.transform(defaultSize: 24).transform == ImageTransform(size: 24, filter: .bilinear))
    #expect(try foreign.parts.join(precision: .float32, on: TestBackend.chosen).unknownKeys == [])
    #expect(thrownCarinaError { try export.write(to: output) }?.kind == .usage)
    #expect(thrownCarinaError { try JoinedExport(output, as: .gemma3) }?.kind == .usage)
  }

  @Test("another file than the one that was written is refused")
  func replaced() throws {
    let output = directory.file("joined")
    try JoinedExport(parts(), as: .gemma3).write(to: output)
    var all = try JoinedGemma3Files.tensors(ModelDirectory(path: output))
    all[0].tensor = Tensor(zeros: all[0].tensor.shape)
    try SafetensorsWriter.write(all, to: output + "/model.safetensors")
    #expect(thrownCarinaError { try CheckpointParts(output) }?.what.contains("not the weights") == true)
  }

  @Test("pieces that the tokenizer lacks are added with rows that are the mean of all, and another layout is said")
  func pieces() throws {
    let tokenizer = directory.file("tokenizer")
    try BytePairTrainer(vocabularySize: 400).train(on: ["is the heart enlarged?", "no"]).write(to: tokenizer)
    let count = try TokenizerFactory.load(directory: tokenizer).vocabularySize
    let parts = try parts(style: .gemma, tokenizer: ModelDirectory(path: tokenizer)) { model in
      var config = try #require(model.decoder.config.json.object)
      config["vocab_size"] = .integer(count)
      return try VisionLanguageModel(
        vision: model.vision, projector: model.projector,
        decoder: Decoder(DecoderConfig(json: .object(config), source: "c"), from: RandomParameterSource(seed: 4)))
    }
    let output = directory.file("grown"), export = try JoinedExport(parts, as: .gemma3)
    #expect(export.remarks.count == 2 && export.remarks[0].contains("the layout gemma"))
    #expect(export.remarks[1].contains("<image_soft_token>"), "\(export.remarks)")
    try export.write(to: output)
    let grown = try TokenizerFactory.load(directory: output)
    for (index, piece) in ["<start_of_image>", "<end_of_image>", "<image_soft_token>"].enumerated() {
      #expect(grown.id(of: piece) == count + index)
    }
    let old = try ModelDirectory(path: parts + "/language_model").loadDecoder(precision: .float32).model
    let new = try ModelDirectory(path: output).loadDecoder(precision: .float32).model
    let rows = (count + 3 + 63) / 64 * 64, width = 16
    #expect(new.config.vocabularySize == rows)
    let table = new.tokenEmbedding.value.values, before = old.tokenEmbedding.value.values
    #expect(Array(table.prefix(before.count)) == before)
    for column in 0..<width {
      let mean = (0..<count).reduce(0.0) { $0 + Double(before[$1 * width + column]) } / Double(count)
      for row in count..<rows { #expect(abs(Double(table[row * width + column]) - mean) < 1e-6) }
    }
    let first = try logits(parts), second = try logits(output)
    for row in 0..<first.rows {
      expectClose(
        Array(second.values[row * rows..<row * rows + count]), Array(first.values[row * count..<(row + 1) * count]),
        relative: 1e-6)
    }
    _ = try CheckpointParts(output).parts.renderer(style: .gemma3, maximumQuestionTokens: 9, maximumAnswerTokens: 9)
  }

  @Test("half precision is copied as fp32, piece by piece, and bf16 as it is")
  func storedTypes() throws {
    for (name, type) in [("gemma-f16", ElementType.float32), ("gemma-bf16", .bfloat16)] {
      let model = ModelDirectory(path: try ParityGolden.path("model/\(name)")), weights = try model.weights()
      let stored = StoredTensors(weights, .decoder), table = "model.embed_tokens.weight"
      let (source, found) = try stored.tensor(table, on: TestBackend.chosen)
      let whole = try weights.tensor(named: table)
      #expect(found == type && source.shape == whole.shape)
      #expect(try stored.type(of: table) == type)
      expectSameBits(source.whole, whole.reshaped(whole.shape), name)
      expectSameBits(source.piece(5..<40), whole.elementSlice(5..<40), name)
      #expect(thrownCarinaError { try stored.tensor("visitor", on: TestBackend.chosen) }?.kind == .badData)
    }
  }

  @Test("a table of bf16 grows in its own type, whatever the pieces in which it is read")
  func growing() throws {
    let first = Tensor((0..<6).map { Float($0) }, shape: [3, 2]).converted(to: .bfloat16)
    let second = Tensor([7, 8], shape: [1, 2]).converted(to: .bfloat16)
    let both = TensorSource(TensorSource(first), followedBy: TensorSource(second), on: TestBackend.chosen)
    #expect(both.shape == [4, 2] && both.elementType == .bfloat16)
    let expected: [Float] = [0, 1, 2, 3, 4, 5, 7, 8]
    for low in 0..<8 {
      for high in low + 1...8 {
        #expect(
          both.piece(low..<high).converted(to: .float32).values == Array(expected[low..<high]), "\(low)..<\(high)")
      }
    }
  }

  @Test("what such a directory cannot express is refused by name, and nothing is written")
  func refused() throws {
    func refusal(_ path: String) throws -> CarinaError {
      try #require(thrownCarinaError { try JoinedExport(path, as: .gemma3) })
    }
    let mlp = try parts {
      let config = ProjectorConfig(inputSize: 12, hiddenSize: 24, outputSize: 16)
      return try VisionLanguageModel(
        vision: $0.vision, projector: Projector(config, from: RandomParameterSource(seed: 2)), decoder: $0.decoder)
    }
    #expect(try refusal(mlp).found == "an MLP of 24 hidden units")
    let preNorm = try parts {
      try VisionLanguageModel(
        vision: $0.vision, projector: $0.projector, decoder: $0.decoder, feature: .preNorm)
    }
    #expect(try refusal(preNorm).found == "pre-norm")
    let epsilon = try parts {
      let pooling = PatchPooling(gridSize: 4, tokensPerSide: 2, epsilon: 1e-5)
      let config = ProjectorConfig(inputSize: 12, outputSize: 16, pooling: pooling)
      return try VisionLanguageModel(
        vision: $0.vision, projector: Projector(config, from: RandomParameterSource(seed: 2)), decoder: $0.decoder)
    }
    #expect(try refusal(epsilon).what.contains("norms"))
    let padded = try parts(transform: ImageTransform(size: 24, filter: .bilinear, aspect: .pad))
    #expect(try refusal(padded).found == "aspect pad")
    let grey = try JoinedExport(
      parts(transform: ImageTransform(size: 24, filter: .bilinear, colour: .grey)), as: .gemma3)
    #expect(grey.remarks.count == 1 && grey.remarks[0].contains("grey"))
  }
}
