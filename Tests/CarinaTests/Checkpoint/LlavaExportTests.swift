import Foundation
import TestSupport
import Testing

import Carina

/// A model in parts with LLaVA's form of projector, written as one directory.
@Suite("LLaVA, export") struct LlavaExportTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  /// A golden in parts, as a run would have left it.
  private func parts(
    _ golden: String = "full", style: PromptStyle = .gemma, tokenizer: ModelDirectory? = nil,
    transform: ImageTransform? = nil, _ change: (VisionLanguageModel) throws -> VisionLanguageModel = { $0 }
  ) throws -> String {
    let path = directory.file("parts-\(UUID().uuidString.prefix(8))")
    try ExportedParts.write(
      try LlavaFiles.golden(golden), to: path, style: style, tokenizer: tokenizer,
      transform: try transform ?? ImageTransform(size: 24, filter: .bicubic),
      change)
    return path
  }

  /// The same model with another projector, feature or choice of patches.
  private func with(
    _ model: VisionLanguageModel, _ projector: ProjectorConfig? = nil, feature: VisionFeature = .preNorm,
    dropsFirstPatch: Bool = false
  ) throws -> VisionLanguageModel {
    try VisionLanguageModel(
      vision: model.vision,
      projector: projector.map { Projector($0, from: RandomParameterSource(seed: 2)) } ?? model.projector,
      decoder: model.decoder, feature: feature, dropsFirstPatch: dropsFirstPatch)
  }

  private func logits(_ path: String) throws -> Tensor {
    try ExportedParts.logits(path, image: LlavaFiles.golden("full").file("image.png"))
  }

  @Test(
    "the directory has the bits of the parts under LLaVA's names and opens by itself",
    arguments: ["full", "first-patch"])
  func whole(golden: String) throws {
    let parts = try parts(golden), output = directory.file("llava"), source = try LlavaFiles.golden(golden)
    let export = try JoinedExport(parts, as: .llava)
    #expect(export.remarks == [])
    try export.write(to: output)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: output).sorted() == ExportedParts.fileNames)
    let own = try JoinedGemma3Files.tensors(ModelDirectory(path: output))
    // No feature for the decoder passes through a pooling head.
    let expected = try JoinedGemma3Files.tensors(source).filter { !$0.name.hasPrefix("vision_tower.head.") }
    #expect(own.count == expected.count)
    for (name, tensor) in expected {
      let hub = LlavaFiles.name(name, as: .hub)
      expectSameBits(try #require(own.first { $0.name == hub }?.tensor, "\(hub)"), tensor, hub)
    }
    let config = try JSONValue.parseFile(output + "/config.json"), before = try source.configuration()
    for key in [
      "architectures", "image_seq_length", "image_token_index", "model_type", "multimodal_projector_bias",
      "projector_hidden_act", "tie_word_embeddings", "vision_feature_layer", "vision_feature_select_strategy",
    ] where golden == "full" || key != "image_seq_length" { #expect(config[key] == before[key], "\(key)") }
    #expect(config["image_seq_length"]?.int == (golden == "full" ? 16 : 15))
    #expect(config["text_config"]?["model_type"] == "gemma3_text")
    #expect(config["vision_config"]?["vision_use_head"] == false)
    for file in ["processor_config.json", "preprocessor_config.json"] {
      let written = try #require(JSONValue.parseFile("\(output)/\(file)").object)
      for (key, value) in try #require(JSONValue.parseFile(source.file(file)).object) {
        #expect(written[key] == value, "\(file): \(key)")
      }
    }
    #expect(try JSONValue.parseFile(output + "/generation_config.json")["eos_token_id"]?.integers == [1, 6])
    #expect(try JSONValue.parseFile(output + "/tokenizer_config.json")["image_token"] == "<image_soft_token>")

    expectSameBits(try logits(output), try logits(parts), "logits")
    let found = try CheckpointParts(output), manifest = try #require(found.manifest)
    #expect(manifest.layout == .llava && manifest.feature == .preNorm && manifest.maximumQuestionTokens == 40)
    #expect(found.parts.isOneDirectory && found.parts.dropsFirstPatch == (golden == "first-patch"))
    #expect(try CarinaManifest(json: manifest.json, source: "again") == manifest)
    // Without what Carina says of it, it is a model as others make them.
    try FileManager.default.removeItem(atPath: output + "/carina.json")
    let foreign = try CheckpointParts(output)
    #expect(foreign.manifest == nil && foreign.promptStyle == .gemma)
    #expect(try foreign.transform(defaultSize: 24).transform == ImageTransform(size: 24, filter: .bicubic))
    #expect(try foreign.parts.join(precision: .float32, on: TestBackend.chosen).unknownKeys == [])
    #expect(thrownCarinaError { try export.write(to: output) }?.kind == .usage)
    for kind in JoinedModelKind.allCases {
      let again = try #require(thrownCarinaError { try JoinedExport(output, as: kind) })
      #expect(again.kind == .usage && again.what.contains("a LlavaForConditionalGeneration already"), "\(again)")
    }
  }

  @Test("each layout is written as a chat template that says it again", arguments: PromptStyle.allCases)
  func layouts(style: PromptStyle) throws {
    let output = directory.file("llava"), export = try JoinedExport(parts(style: style), as: .llava)
    #expect(export.remarks.count == (style == .seed ? 1 : 0), "\(export.remarks)")
    try export.write(to: output)
    let ends = try JSONValue.parseFile(output + "/generation_config.json")["eos_token_id"]?.integers
    #expect(ends.map(Set.init) == [1, 6])
    #expect(try CheckpointParts(output).promptStyle == style)
    try FileManager.default.removeItem(atPath: output + "/carina.json")
    #expect(try CheckpointParts(output).promptStyle == style)
  }

  @Test("a tokenizer without a piece for images gets <image>, with rows that are the mean of all")
  func pieces() throws {
    let tokenizer = directory.file("tokenizer")
    try BytePairTrainer(vocabularySize: 400).train(on: ["is the heart enlarged?", "no"]).write(to: tokenizer)
    let count = try TokenizerFactory.load(directory: tokenizer).vocabularySize
    let parts = try parts(tokenizer: ModelDirectory(path: tokenizer)) { model in
      var config = try #require(model.decoder.config.json.object)
      config["vocab_size"] = .integer(count)
      return try VisionLanguageModel(
        vision: model.vision, projector: model.projector,
        decoder: Decoder(DecoderConfig(json: .object(config), source: "c"), from: RandomParameterSource(seed: 4)),
        feature: .preNorm)
    }
    let output = directory.file("grown"), export = try JoinedExport(parts, as: .llava)
    #expect(export.remarks.count == 1 && export.remarks[0].contains(": <image>"), "\(export.remarks)")
    try export.write(to: output)
    #expect(try TokenizerFactory.load(directory: output).id(of: "<image>") == count)
    #expect(try JSONValue.parseFile(output + "/config.json")["image_token_index"]?.int == count)
    #expect(try JSONValue.parseFile(output + "/processor_config.json")["image_token"] == "<image>")
    let rows = (count + 1 + 63) / 64 * 64
    let first = try logits(parts), second = try logits(output)
    for row in 0..<first.rows {
      expectClose(
        Array(second.values[row * rows..<row * rows + count]), Array(first.values[row * count..<(row + 1) * count]),
        relative: 1e-6)
    }
    try FileManager.default.removeItem(atPath: output + "/carina.json")
    #expect(try CheckpointParts(output).promptStyle == .gemma)
  }

  @Test("what such a directory cannot express is refused by name, with what to do, and nothing is written")
  func refused() throws {
    let cases: [(found: String, remedy: String, (VisionLanguageModel) throws -> VisionLanguageModel)] = [
      (
        "an MLP of 24 hidden units", "mlp2x",
        { try with($0, ProjectorConfig(inputSize: 12, hiddenSize: 24, outputSize: 16)) }
      ),
      (
        "averages of 2 × 2 patches", "pool",
        {
          let pooling = PatchPooling(gridSize: 4, tokensPerSide: 2)
          return try with($0, ProjectorConfig(inputSize: 12, hiddenSize: 16, outputSize: 16, pooling: pooling))
        }
      ),
      (
        "Gemma 3's form", "gemma3",
        {
          let pooling = PatchPooling(gridSize: 4, tokensPerSide: 2)
          return try with($0, ProjectorConfig(inputSize: 12, outputSize: 16, pooling: pooling), feature: .postNorm)
        }
      ),
      ("post-norm", "pre-norm", { try with($0, feature: .postNorm) }),
    ]
    for (found, remedy, change) in cases {
      let path = try parts("full", change)
      let error = try #require(thrownCarinaError { try JoinedExport(path, as: .llava) })
      #expect(error.kind == .badData && error.found == found && error.remedy?.contains(remedy) == true, "\(error)")
      #expect(error.what.contains("a LlavaForConditionalGeneration"), "\(error)")
    }
    let padded = try parts(transform: ImageTransform(size: 24, filter: .bicubic, aspect: .pad))
    #expect(thrownCarinaError { try JoinedExport(padded, as: .llava) }?.found == "aspect pad")
    let grey = try JoinedExport(
      parts(transform: ImageTransform(size: 24, filter: .bicubic, colour: .grey)), as: .llava)
    #expect(grey.remarks.count == 1 && grey.remarks[0].contains("LlavaProcessor keeps the colours"))
    let gemma = try #require(thrownCarinaError { try JoinedExport(parts(), as: .gemma3) })
    #expect(gemma.found == "an MLP of 16 hidden units")
  }
}
