import Foundation
import TestSupport
import Testing

import Carina

/// Joined Gemma 3 checkpoints that cannot be used, each refused before a weight is read.
@Suite("Joined Gemma 3, bad input") struct JoinedGemma3RefusalTests {
  private let files = JoinedGemma3Files()

  private func refusal(_ directory: ModelDirectory) throws -> CarinaError {
    let error = try #require(thrownCarinaError { try CheckpointParts(directory.path) })
    let answering = thrownCarinaError {
      try AnsweringModel.load(checkpoint: directory.path, precision: .float32, on: Device(TestBackend.chosen))
    }
    #expect(answering?.description == error.description)
    return error
  }

  @Test("a decoder alone, a tower alone and an adapter say what they are")
  func others() throws {
    for (name, type) in [("gemma-window-short", "gemma3_text"), ("siglip-gelu", "siglip")] {
      let error = try refusal(ModelDirectory(path: ParityGolden.path("model/\(name)")))
      #expect(error.kind == .badData && error.found == "a model of the type \(type)")
      #expect(error.remedy?.contains("vision_model") == true)
    }
    let adapter = try TemporaryDirectory()
    for name in ["config.json", "adapter_config.json"] {
      try (["model_type": "gemma3", "peft_type": "LORA"] as JSONValue).write(to: adapter.file(name))
    }
    #expect(try refusal(ModelDirectory(path: adapter.path)).what.contains("LORA adapter"))
  }

  @Test(
    "a configuration that contradicts itself names the key",
    arguments: [
      ([("image_token_index", 510)], "image_token_index", "510"),
      ([("boi_token_index", 262_144)], "boi_token_index", "262144"),
      ([("eoi_token_index", 7)], "two of the ids around an image are the same", "7, 7 and 509"),
      ([("image_token_id", 508)], "image_token_id", "508"),
      ([("mm_tokens_per_image", 9)], "mm_tokens_per_image", "9"),
      ([("mm_tokens_per_image", 5)], "mm_tokens_per_image", "5"),
      ([("vision_config.patch_size", 5)], "misshaped", ""),
      ([("text_config.vocab_size", 300)], "image_token_index", ""),
      ([("vision_config.image_size", 36)], "image transform does not fit", ""),
      ([("text_config.final_logit_softcapping", 30)], "final_logit_softcapping", ""),
      ([("quantization_config", ["bits": 4])], "quantization_config", ""),
      ([("vision_config.model_type", "clip_vision_model")], "model_type", ""),
    ] as [([(String, JSONValue?)], String, String)])
  func contradictions(keys: [(String, JSONValue?)], word: String, found: String) throws {
    let error = try refusal(files.changed(keys: keys))
    #expect(error.kind == .badData && "\(error)".contains(word), "\(error)")
    if !found.isEmpty { #expect(error.found == found, "\(error)") }
  }

  @Test("image settings that ask for pan and scan, and a processor of another number of rows")
  func processors() throws {
    let panning = try files.changed()
    var settings = try #require(try JSONValue.parseFile(panning.file("preprocessor_config.json")).object)
    settings["do_pan_and_scan"] = true
    try JSONValue.object(settings).write(to: panning.file("preprocessor_config.json"))
    let error = try refusal(panning)
    #expect(
      error.kind == .badData && error.what.contains("do_pan_and_scan") && error.remedy?.contains("false") == true,
      "\(error)")
    let counting = try files.changed()
    try (["image_seq_length": 16, "processor_class": "Gemma3Processor"] as JSONValue).write(
      to: counting.file("processor_config.json"))
    let rows = try refusal(counting)
    #expect(rows.what.contains("image_seq_length") && rows.expected == "4" && rows.found == "16", "\(rows)")
  }

  @Test("a missing shard, a name in the index alone, a shard cut short and a shard of another model")
  func shards() throws {
    let missing = try files.changed(shards: 3), second = "model-00002-of-00003.safetensors"
    try FileManager.default.removeItem(atPath: missing.file(second))
    let gone = try refusal(missing)
    #expect(gone.kind == .missingInput && gone.found == "no \(second)" && gone.remedy?.contains("Fetch") == true)

    let index = "model.safetensors.index.json"
    let listed = try files.changed(shards: 3) { $0.removeAll { $0.name.hasSuffix("layers.1.mlp.up_proj.weight") } }
    var document = try #require(try JSONValue.parseFile(listed.file(index)).object)
    var map = try #require(document["weight_map"]?.object)
    map["language_model.model.layers.1.mlp.up_proj.weight"] = .string(second)
    document["weight_map"] = .object(map)
    try JSONValue.object(document).write(to: listed.file(index))
    let unheld = try refusal(listed)
    #expect(
      unheld.kind == .badData && unheld.what.contains("1 missing: model.layers.1.mlp.up_proj.weight"), "\(unheld)")
    #expect(unheld.what.contains("in the index of the files and in none of them"), "\(unheld)")

    let cut = try files.changed(shards: 3)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: cut.file(second)))
    try bytes.prefix(bytes.count - 100).write(to: URL(fileURLWithPath: cut.file(second)))
    let short = try refusal(cut)
    #expect(short.kind == .badData && short.location?.contains(second) == true, "\(short)")

    let other = try files.changed(shards: 1) { all in
      all = all.map { name, tensor in
        (name, name.hasSuffix("mm_input_projection_weight") ? Tensor(zeros: [16, 12]) : tensor)
      }
    }
    let turned = try refusal(other)
    #expect(turned.what.contains("of axes that are not inputs, outputs"), "\(turned)")
  }

  @Test("the class defaults of the ids are Gemma 3's, and both spellings are read")
  func ids() throws {
    let config = try JoinedGemma3Config(json: ["model_type": "gemma3"], vocabularySize: 262_208, source: "config.json")
    #expect(
      config
        == JoinedGemma3Config(startOfImage: 255_999, endOfImage: 256_000, softToken: 262_144, tokensPerImage: 256))
    let other = try JoinedGemma3Config(
      json: ["boi_token_id": 3, "eoi_token_index": 4, "image_token_id": 5, "image_token_index": 5], vocabularySize: 6,
      source: "config.json")
    #expect(other.startOfImage == 3 && other.endOfImage == 4 && other.softToken == 5)
    #expect(try JoinedGemma3Config(json: .object(other.json), vocabularySize: 6, source: "again") == other)
  }
}
