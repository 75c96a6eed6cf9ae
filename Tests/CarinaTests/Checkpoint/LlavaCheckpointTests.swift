import Foundation
import TestSupport
import Testing

import Carina

/// LLaVA directories in every layout in which they are found, and those that cannot be used.
@Suite("LLaVA, layouts and bad input") struct LlavaCheckpointTests {
  private let files = LlavaFiles()

  private func digests(_ directory: ModelDirectory) throws -> [ParameterDigest] {
    let model = try PipelineParts(joined: directory).join(precision: .float32, on: TestBackend.chosen).model
    return [model.vision.parameters, model.projector.parameters, model.decoder.parameters].map(ParameterDigest.init)
  }

  @Test(
    "names of the hub, of transformers' memory and of save_pretrained, behind a wrapper too, are the same weights",
    arguments: JoinedGemma3Files.Names.allCases, ["full", "first-patch"])
  func names(names: JoinedGemma3Files.Names, golden: String) throws {
    let plain = try digests(LlavaFiles.golden(golden))
    for prefix in ["", "module."] {
      let model = try files.changed(golden) { all in
        all = all.map { (prefix + JoinedGemma3Files.name($0.name, as: names), $0.tensor) }
      }
      #expect(try digests(model) == plain, "\(prefix)")
      #expect(
        try model.projectorFootprint(precision: .float32)
          == LlavaFiles.golden(golden).projectorFootprint(precision: .float32))
    }
  }

  @Test("its parts are found one by one, with the sizes that configuration and weights say")
  func parts() throws {
    let directory = try LlavaFiles.golden("full")
    #expect(directory.joinedKind == .llava && directory.isJoined)
    let projector = try ModelDirectory.projector(directory.path)
    #expect(try projector.projectorConfig() == ProjectorConfig(inputSize: 12, hiddenSize: 16, outputSize: 16))
    #expect(try directory.visionConfig().grid == 4 && directory.decoderConfig().config.hiddenSize == 16)
    let settings = try directory.imageSettings(defaultSize: nil)
    #expect(settings.transform == (try ImageTransform(size: 24, filter: .bicubic)))
    let found = try CheckpointParts(directory.path)
    #expect(found.parts.isOneDirectory && found.parts.feature == .preNorm && found.manifest == nil)
    #expect(try found.parts.join(precision: .float32, on: TestBackend.chosen).model.rowsPerImage == 16)
    let first = try CheckpointParts(LlavaFiles.golden("first-patch").path).parts
    #expect(
      try first.dropsFirstPatch && first.join(precision: .float32, on: TestBackend.chosen).model.rowsPerImage == 15)
  }

  @Test("the last layer by its own number or in a list of one, and a tie that either part names, are read")
  func spellings() throws {
    for layer in [2, [-1], [2]] as [JSONValue] {
      #expect(try digests(files.changed(keys: [("vision_feature_layer", layer)])).count == 3)
    }
    // A text part that says nothing of a tie has one; LLaVA's own default is none.
    let silent = try files.changed(keys: [("tie_word_embeddings", nil), ("text_config.tie_word_embeddings", nil)])
    #expect(try !silent.decoderConfig().config.hasOwnHead)
    let outer = try files.changed(
      keys: [("tie_word_embeddings", true), ("text_config.tie_word_embeddings", false)])
    #expect(try !outer.decoderConfig().config.hasOwnHead)
    #expect(try LlavaFiles.golden("first-patch").decoderConfig().config.hasOwnHead)
  }

  @Test(
    "another tower, decoder, layer, projector or processor is refused by the name of its key",
    arguments: [
      ([("vision_config.model_type", "clip_vision_model")], "vision_config.model_type", "siglip_vision_model"),
      ([("vision_config.model_type", nil)], "CLIP", "siglip_vision_model"),
      ([("text_config.model_type", "llama")], "text_config.model_type", "gemma3_text"),
      ([("text_config.model_type", nil)], "Llama", "gemma3_text"),
      ([("vision_feature_layer", -2)], "vision_feature_layer", "-1 or 2"),
      ([("vision_feature_layer", nil)], "means -2", "-1 or 2"),
      ([("vision_feature_layer", [-2, -1])], "vision_feature_layer", "-1 or 2"),
      ([("vision_feature_select_strategy", "cls")], "vision_feature_select_strategy", "full"),
      ([("vision_config.tie_last_hidden_states", true)], "tie_last_hidden_states", "false"),
      ([("projector_hidden_act", "relu")], "projector_hidden_act", "gelu"),
      ([("multimodal_projector_bias", false)], "multimodal_projector_bias", "true"),
      ([("multimodal_projector_bias", .null)], "multimodal_projector_bias", "a value"),
      ([("projector_hidden_act", .null)], "projector_hidden_act", "a value"),
      ([("vision_feature_layer", .null)], "vision_feature_layer", "a value"),
      ([("vision_feature_select_strategy", .null)], "vision_feature_select_strategy", "a value"),
      ([("image_seq_length", .null)], "image_seq_length", "a value"),
      ([("image_token_index", .null)], "image_token_index", "a value"),
      ([("image_token_index", 99_999)], "image_token_index", "an id below"),
      ([("image_token_id", 3)], "image_token_id", "image_token_index"),
      ([("quantization_config", ["bits": 4])], "quantization_config", "null"),
      ([("processor_config.json:patch_size", 14)], "patch_size", "6"),
      ([("processor_config.json:vision_feature_select_strategy", "default")], "vision_feature_select_strategy", "full"),
      ([("processor_config.json:num_additional_image_tokens", 1)], "num_additional_image_tokens", "0"),
      ([("preprocessor_config.json:do_center_crop", true)], "do_center_crop", ""),
      ([("vision_config.image_size", 30)], "image transform does not fit", "30"),
      ([("model_type", "llava_next")], "no joined model", "LlavaForConditionalGeneration"),
    ] as [([(String, JSONValue?)], String, String)])
  func refused(keys: [(String, JSONValue?)], word: String, expected: String) throws {
    let directory = try files.changed(keys: keys)
    let error = try #require(thrownCarinaError { try CheckpointParts(directory.path) })
    #expect(error.kind == .badData && "\(error)".contains(word), "\(error)")
    #expect(error.expected?.contains(expected) ?? expected.isEmpty, "\(error)")
  }

  @Test("another number of rows of an image is said; of what is left out only that which no part takes, in one line")
  func notes() throws {
    func remarks(_ directory: ModelDirectory) throws -> [String] {
      try PipelineParts(joined: directory).join(precision: .float32, on: TestBackend.chosen).remarks
    }
    #expect(try remarks(LlavaFiles.golden("full")).isEmpty)
    let first = try remarks(LlavaFiles.golden("first-patch"))
    #expect(first.count == 1 && first[0].contains("image_seq_length is 16, and an image has 15 rows"), "\(first)")
    #expect(try remarks(files.changed(keys: [("image_seq_length", nil)])).isEmpty)
    let other = try files.changed(keys: [("image_seq_length", 576)]) {
      $0.append(("vision_tower.vision_model.embeddings.position_ids", Tensor(zeros: [1, 16])))
      $0.append(("language_model.model.rotary_emb.inv_freq", Tensor(zeros: [4])))
    }
    let found = try remarks(other)
    #expect(found.count == 2, "\(found)")
    #expect(found.first?.contains("config.json: image_seq_length is 576, and an image has 16 rows") == true)
    let words = ["1 tensor: a list of positions, not a weight", "1 tensor: rotary frequencies"]
    for words in words { #expect(found.last?.contains(words) == true, "\(found)") }
    // A part that is taken alone leaves the others.
    let tower = try other.loadVisionEncoder(precision: .float32, on: TestBackend.chosen)
    #expect(tower.remarks.contains { $0.contains("the decoder is not the vision tower's") })
    let wrong = try files.changed(keys: [("image_seq_length", "many")])
    #expect(throws: CarinaError.self) { try remarks(wrong) }
  }

  @Test("a projector of other names, of another width and without biases is refused before a weight is read")
  func projectors() throws {
    let changes: [(String, (inout LlavaFiles.Tensors) throws -> Void, String)] = [
      (
        "other names", { $0 = $0.map { ($0.name.replacingOccurrences(of: "linear_", with: "fc_"), $0.tensor) } }, "fc_1"
      ),
      ("no biases", { $0.removeAll { $0.name.hasSuffix("linear_2.bias") } }, "model.2.bias"),
      (
        "width",
        { $0 = $0.map { ($0.name, $0.name.hasSuffix("linear_1.weight") ? Tensor(zeros: [20, 12]) : $0.tensor) } },
        "model.0.weight"
      ),
    ]
    for (what, change, word) in changes {
      let directory = try files.changed("full", change)
      let error = try #require(thrownCarinaError { try CheckpointParts(directory.path) })
      #expect(error.kind == .badData && "\(error)".contains(word), "\(what): \(error)")
    }
  }

  @Test("a chat template that is written here tells the layout; any other is gemma's", arguments: PromptStyle.allCases)
  func styles(style: PromptStyle) throws {
    let facts = try #require(
      JSONValue.parseFile(ParityGolden.path("llava/templates.json")).array)
    let fact = try #require(facts.first { $0["style"]?.string == style.rawValue })
    let template = try #require(fact["template"]?.string)
    #expect(ChatTemplate.llava(style, image: "<image_soft_token>") == template)
    let directory = try files.changed()
    #expect(try CheckpointParts(directory.path).promptStyle == .gemma)
    try AtomicFile.write(template, to: directory.file("chat_template.jinja"))
    #expect(try CheckpointParts(directory.path).promptStyle == style)
    try AtomicFile.write(template + " ", to: directory.file("chat_template.jinja"))
    #expect(try CheckpointParts(directory.path).promptStyle == .gemma)
    // What LlavaProcessor makes with it is what is asked here.
    let tokenizer = try TokenizerFactory.load(directory: directory.path)
    let soft = try #require(tokenizer.id(of: "<image_soft_token>"))
    for prompt in try #require(fact["prompts"]?.array) {
      let renderer = try PromptRenderer(
        tokenizer: tokenizer, style: style, maximumQuestionTokens: 512, maximumAnswerTokens: 9,
        system: prompt["system"]?.string)
      let turns = try #require(prompt["turns"]?.array).map { turn in
        ConversationTurn(
          question: try #require(turn.array?[0].string), answer: try #require(turn.array?[1].string))
      }
      let rendered = try renderer.conversation(turns, question: #require(prompt["question"]?.string))
      let sequence = ImageTextSequence(rendered, image: 0)
      #expect(
        sequence.tokensBefore + [Int](repeating: soft, count: 16) + sequence.tokensAfter == prompt["ids"]?.integers,
        "\(prompt)")
    }
  }
}
