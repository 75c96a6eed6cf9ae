import Foundation
import TestSupport
import Testing

import Carina

/// Checkpoints as people bring them: parts too many, names in another layout, heads of their own, other types.
@Suite final class BroughtCheckpointTests {
  private var directories: [TemporaryDirectory] = []

  private func golden(_ name: String) throws -> ModelDirectory {
    ModelDirectory(path: try CheckpointGoldens.path(name))
  }

  private typealias Tensors = [(name: String, tensor: Tensor)]

  private func tensors(_ directory: ModelDirectory) throws -> Tensors {
    let weights = try directory.weights()
    return try weights.names.map { ($0, try weights.tensor(named: $0)) }
  }

  /// A copy of a model with other keys and other tensors.
  private func changed(
    _ name: String, keys: [(String, JSONValue?)] = [], _ change: (inout Tensors) throws -> Void = { _ in }
  ) throws -> ModelDirectory {
    let directory = try TemporaryDirectory(), source = try golden(name)
    var config = try #require(try source.configuration().object)
    for (key, value) in keys { config[key] = value }
    try JSONValue.object(config).write(to: directory.file("config.json"))
    var all = try tensors(source)
    try change(&all)
    try SafetensorsWriter.write(all, to: directory.file("model.safetensors"))
    directories.append(directory)
    return ModelDirectory(path: directory.path)
  }

  private func expectSame(_ left: [Parameter], _ right: [Parameter]) {
    #expect(ParameterDigest(left) == ParameterDigest(right))
  }

  @Test("a classifier beside a tower is left out, and said")
  func classifier() throws {
    let plain = try golden("joined-bare-tower/vision".model).loadVisionEncoder(precision: .float32)
    #expect(plain.remarks == [])
    let model = try changed("joined-bare-tower/vision".model) {
      $0 += [("classifier.weight", Tensor(zeros: [3, 14])), ("classifier.bias", Tensor(zeros: [3]))]
    }
    let part = try model.loadVisionEncoder(precision: .float32)
    expectSame(part.model.parameters, plain.model.parameters)
    #expect(part.remarks == ["\(model.path): left out 2 tensors: no feature passes through the classifier"])
    let whole = try golden("siglip-gelu".model).loadVisionEncoder(precision: .float32)
    #expect(whole.remarks.count == 1 && whole.remarks[0].contains("the text tower is not needed"))
  }

  @Test("a tower without its pooling head is read, and one with a head that config.json denies")
  func poolingHead() throws {
    let plain = try golden("joined-bare-tower/vision".model).loadVisionEncoder(precision: .float32).model
    let without = try changed("joined-bare-tower/vision".model) { $0.removeAll { $0.name.hasPrefix("head.") } }
    let part = try without.loadVisionEncoder(precision: .float32)
    expectSame(part.model.parameters, plain.trainedParameters(for: .postNorm))
    #expect(part.remarks.count == 1 && part.remarks[0].contains("no pooling head"))
    #expect(try without.visionConfig().hasPoolingHead == false)
    #expect(part.model.config.json["vision_use_head"] == false)

    let denied = try changed("joined-bare-tower/vision".model, keys: [("vision_use_head", false)])
    let other = try denied.loadVisionEncoder(precision: .float32)
    expectSame(other.model.parameters, plain.trainedParameters(for: .postNorm))
    #expect(other.remarks.count == 1 && other.remarks[0].contains("before the pooling head"))

    let torn = try changed("joined-bare-tower/vision".model) { $0.removeAll { $0.name == "head.probe" } }
    let error = try #require(thrownCarinaError { try torn.loadVisionEncoder(precision: .float32) })
    #expect(error.what.contains("1 missing: vision_model.head.probe"))
  }

  @Test("a head with the embedding's numbers is the embedding, whatever types the two are stored in")
  func equalHeads() throws {
    for (golden, type) in [
      ("gemma-bf16", ElementType.float32), ("gemma-bf16", .bfloat16), ("gemma-f16", .float32),
      ("gemma-window-short", .float32),
    ] {
      let plain = try self.golden(golden.model).loadDecoder(precision: .float32)
      let model = try changed(golden.model) { all in
        let table = try #require(all.first { $0.name == "model.embed_tokens.weight" }).tensor
        all.append(("lm_head.weight", table.converted(to: type)))
      }
      let part = try model.loadDecoder(precision: .float32)
      #expect(!part.model.config.hasOwnHead && part.model.config == plain.model.config)
      expectSame(part.model.parameters, plain.model.parameters)
      #expect(part.remarks.count == 1 && part.remarks[0].contains("1 tensor: the same numbers as the embedding"))
    }
  }

  @Test("a head with other numbers is read and used, whether config.json says so or ties it")
  func ownHeads() throws {
    let plain = try golden("checkpoints/gemma-untied").loadDecoder(precision: .float32)
    #expect(plain.model.config.hasOwnHead && plain.remarks == [])
    for keys in [[("tie_word_embeddings", true as JSONValue?)], [("tie_word_embeddings", nil)]] {
      let tied = try changed("checkpoints/gemma-untied", keys: keys)
      let part = try tied.loadDecoder(precision: .float32)
      #expect(part.model.config == plain.model.config)
      expectSame(part.model.parameters, plain.model.parameters)
      #expect(part.remarks.count == 1 && part.remarks[0].contains("other numbers; they are used"))
    }
    // Without an embedding the head is both, as in transformers 5.
    let alone = try changed("checkpoints/gemma-untied", keys: [("tie_word_embeddings", true)]) {
      $0.removeAll { $0.name == "model.embed_tokens.weight" }
    }
    let part = try alone.loadDecoder(precision: .float32)
    #expect(!part.model.config.hasOwnHead)
    expectClose(part.model.tokenEmbedding.value, plain.model.head.value, relative: 0)
    // And where config.json wants two there have to be two.
    let lacking = try changed("checkpoints/gemma-untied") { $0.removeAll { $0.name == "lm_head.weight" } }
    #expect(
      thrownCarinaError { try lacking.loadDecoder(precision: .float32) }?.what.contains("1 missing: lm_head.weight")
        == true)
  }

  @Test("a head of its own is written, and rounded for int8 where the embedding is not")
  func writtenHead() throws {
    let directory = try TemporaryDirectory()
    let decoder = try golden("checkpoints/gemma-untied").loadDecoder(precision: .float32).model
    try ModelDirectoryWriter.write(decoder, to: directory.path, type: .float32)
    let model = ModelDirectory(path: directory.path)
    #expect(try model.configuration()["tie_word_embeddings"] == false)
    #expect(try model.weights().find("lm_head.weight") != nil)
    let again = try model.loadDecoder(precision: .float32)
    #expect(again.model.config == decoder.config && again.unknownKeys == [] && again.remarks == [])
    expectSame(again.model.parameters, decoder.parameters)
    decoder.quantizeWeights()
    #expect(decoder.head.quantized != nil && decoder.tokenEmbedding.quantized == nil)
    let footprint = try model.decoderFootprint(precision: .float32)
    #expect(footprint.mapped == 4 * decoder.parameters.reduce(0) { $0 + $1.count })
  }

  @Test("a tensor that the index alone lists matters where the model wants it")
  func index() throws {
    let source = try golden("gemma-sharded".model)
    func listing(_ extra: [String]) throws -> ModelDirectory {
      let directory = try TemporaryDirectory()
      let index = "model.safetensors.index.json"
      for name in try FileManager.default.contentsOfDirectory(atPath: source.path) where name != index {
        try FileManager.default.copyItem(atPath: source.file(name), toPath: directory.file(name))
      }
      var document = try #require(try JSONValue.parseFile(source.file(index)).object)
      var map = try #require(document["weight_map"]?.object)
      let file = try #require(map.values.first)
      for name in extra { map[name] = file }
      document["weight_map"] = .object(map)
      try JSONValue.object(document).write(to: directory.file(index))
      directories.append(directory)
      return ModelDirectory(path: directory.path)
    }
    let tied = try listing(["lm_head.weight"])
    let part = try tied.loadDecoder(precision: .float32)
    expectSame(part.model.parameters, try source.loadDecoder(precision: .float32).model.parameters)
    #expect(part.remarks.count == 1 && part.remarks[0].contains("in the index of the files alone"))
    let odd = try listing(["lm_head.weight", "visitor.weight", "model.layers.9.mlp.up_proj.weight"])
    let error = try #require(thrownCarinaError { try odd.loadDecoder(precision: .float32) })
    #expect(error.what.contains("2 in the index of the files and in none of them: "), "\(error)")
    #expect(error.what.contains("visitor.weight") && error.what.contains("model.layers.9."))
  }

  @Test(
    "the decoder of a joined model is read from the names of the hub, of transformers' memory, and with a head beside",
    arguments: [("language_model.model.", "language_model."), ("model.language_model.", "")])
  func joinedNames(decoder: String, head: String) throws {
    let hub = "language_model.model."
    let plain = try golden("checkpoints/gemma-joined").loadDecoder(precision: .float32)
    let tower = try golden("checkpoints/gemma-joined").loadVisionEncoder(precision: .float32)
    #expect(plain.model.config.endTokens == [1, 5])
    let model = try changed("checkpoints/gemma-joined") { all in
      #expect(all.contains { $0.name.hasPrefix(hub) } && all.contains { $0.name.hasPrefix("multi_modal_projector.") })
      all = all.map { name, tensor in
        if name.hasPrefix(hub) { return (decoder + name.dropFirst(hub.count), tensor) }
        // The hub has one level more in the tower than transformers 5 writes.
        let own = name.replacingOccurrences(of: "vision_tower.", with: "vision_tower.vision_model.")
        return (head.isEmpty ? "model." + own : own, tensor)
      }
      let table = try #require(all.first { $0.name.hasSuffix("embed_tokens.weight") }).tensor
      all.append((head + "lm_head.weight", table))
    }
    let part = try model.loadDecoder(precision: .float32)
    expectSame(part.model.parameters, plain.model.parameters)
    #expect(part.model.config == plain.model.config && part.unknownKeys == [])
    #expect(part.remarks.count == 1 && part.remarks[0].contains("the vision tower is not the decoder's"))
    expectSame(try model.loadVisionEncoder(precision: .float32).model.parameters, tower.model.parameters)
    let footprint = try model.decoderFootprint(precision: .float32)
    #expect(footprint.mapped == 4 * plain.model.parameters.reduce(0) { $0 + $1.count })
    // Written, it is a decoder of its own.
    let directory = try TemporaryDirectory()
    try ModelDirectoryWriter.write(part.model, to: directory.path, type: .float32)
    #expect(try ModelDirectory(path: directory.path).configuration()["model_type"] == "gemma3_text")
    expectSame(
      try ModelDirectory(path: directory.path).loadDecoder(precision: .float32).model.parameters,
      plain.model.parameters)
  }

  @Test("a joined model's images are Gemma 3's where no file says otherwise")
  func joinedImages() throws {
    let model = try golden("checkpoints/gemma-joined")
    let assumed = try model.imageSettings(defaultSize: 28)
    #expect(assumed.transform == (try ImageTransform(size: 28, filter: .bilinear)))
    #expect(assumed.assumption?.contains("assumed 28 x 28 pixels, bilinear") == true)
    let images = try EncoderImages(of: model.path)
    #expect(images.transform == assumed.transform && images.source == assumed.assumption)
    let shards = try RecordShards(records: "r.json", imageRoots: [], output: "s", visionModel: model.path)
    #expect(shards.transform == assumed.transform)
    let tower = try changed("joined-bare-tower/vision".model)
    #expect(try tower.imageSettings(defaultSize: 12).transform.filter == .bicubic)
    try (["size": 16] as JSONValue).write(to: tower.file("preprocessor_config.json"))
    let error = try #require(thrownCarinaError { try EncoderImages(of: tower.path) })
    #expect(error.what.contains("does not fit the vision encoder"))
  }

  @Test("the head of a joined model is tied by the outer key, and one of its own is read")
  func joinedHead() throws {
    let model = try changed("checkpoints/gemma-joined", keys: [("tie_word_embeddings", false)]) {
      $0.append(("language_model.lm_head.weight", Tensor(zeros: [48, 16])))
    }
    let part = try model.loadDecoder(precision: .float32)
    #expect(part.model.config.hasOwnHead && part.model.head.value.values.allSatisfy { $0 == 0 })
  }

  @Test("many names are told in few: five, how many more, what all begin with, and the prefix that is too much")
  func shortRefusals() throws {
    for prefix in ["base_model.model.", "module.", "_orig_mod.", "student.", "wrapped.inner."] {
      let model = try changed("gemma-1b-style".model) { $0 = $0.map { (prefix + $0.name, $0.tensor) } }
      let error = try #require(thrownCarinaError { try model.loadDecoder(precision: .float32) })
      #expect(error.description.utf8.count < 1500, "\(error.description.utf8.count)")
      #expect(error.what.contains("93 missing: model.embed_tokens.weight [67, 16], "), "\(error)")
      #expect(error.what.contains(" and 88 more, all beginning with model."))
      #expect(error.what.contains(" and 88 more, all beginning with \(prefix)model."))
      #expect(error.remedy?.contains("Before every name stands \(prefix), ") == true)
    }
    let visited = try changed("gemma-1b-style".model) {
      $0 += (0..<7).map { ("visitor.\($0).weight", Tensor(zeros: [1])) }
    }
    let error = try #require(thrownCarinaError { try visited.loadDecoder(precision: .float32) })
    #expect(error.what.hasSuffix("visitor.4.weight and 2 more, all beginning with visitor."), "\(error)")
    #expect(error.remedy?.contains("same model") == true)
  }

  @Test("an adapter given as a model says so, beside a configuration and weights too")
  func adapter() throws {
    let directory = try TemporaryDirectory(), model = ModelDirectory(path: directory.path)
    try (["peft_type": "LORA", "base_model_name_or_path": "acme/base"] as JSONValue).write(
      to: directory.file("adapter_config.json"))
    func refusal() throws -> CarinaError {
      try #require(thrownCarinaError { try model.loadDecoder(precision: .float32) })
    }
    #expect(try refusal().what.contains("LORA adapter") && refusal().remedy?.contains("Merge") == true)
    #expect(try refusal().remedy?.contains("acme/base") == true)
    #expect(thrownCarinaError { try model.weights() }?.what.contains("LORA adapter") == true)
    for name in ["config.json", "model.safetensors"] {
      try FileManager.default.copyItem(
        atPath: golden("gemma-1b-style".model).file(name), toPath: directory.file(name))
      #expect(try refusal().what.contains("LORA adapter"))
    }
  }

  @Test("buffers of frequencies, double precision and ends beyond the vocabulary are accepted with a remark")
  func accepted() throws {
    let plain = try golden("gemma-1b-style".model).loadDecoder(precision: .float32)
    let model = try changed("gemma-1b-style".model, keys: [("eos_token_id", [1, 67, 5]), ("bos_token_id", 99)]) {
      $0 += [
        ("model.rotary_emb.inv_freq", Tensor(zeros: [4])), ("model.rotary_emb_local.inv_freq", Tensor(zeros: [4])),
        ("model.layers.0.self_attn.rotary_emb.inv_freq", Tensor(zeros: [4])),
      ]
    }
    let part = try model.loadDecoder(precision: .float32)
    expectSame(part.model.parameters, plain.model.parameters)
    #expect(part.model.config.endTokens == [1, 5] && part.model.config.beginToken == nil)
    #expect(part.remarks.count == 3, "\(part.remarks)")
    #expect(part.remarks[0].hasSuffix("eos_token_id 67 is beyond the vocabulary of 67 tokens and never comes"))
    #expect(part.remarks[2].hasSuffix("left out 3 tensors: rotary frequencies, which the configuration gives"))
  }

  @Test("double precision is rounded to single, wherever the numbers lie")
  func doublePrecision() throws {
    let directory = try TemporaryDirectory()
    let header = #"{"model.norm.weight":{"dtype":"F64","shape":[3],"data_offsets":[0,24]}}"#
    var data = CheckpointGoldens.safetensors(header, dataByteCount: 0)
    for value in [1.5, 0.1, -3e-3] { data += withUnsafeBytes(of: value.bitPattern.littleEndian) { Data($0) } }
    try CheckpointGoldens.write(data, to: directory.file("model.safetensors"))
    let loader = StrictLoader(
      directory: try WeightsDirectory(path: directory.path), format: .decoder, precision: .float32)
    let norm = loader.parameter("model.norm.weight", shape: [3], decays: false, initialization: .constant(0))
    #expect(norm.value.values == [1.5, 0.1, -0.003])
    #expect(try loader.finish().remarks == ["1 tensor of F64 rounded to F32"])
  }
}

extension String {
  /// A path below the goldens of models.
  fileprivate var model: String { "model/" + self }
}
