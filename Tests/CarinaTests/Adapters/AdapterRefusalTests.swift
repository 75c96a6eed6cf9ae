import Carina
import Foundation
import TestSupport
import Testing

/// Adapters that cannot be used: each is named with what to do.
@Suite("Adapter refusals") struct AdapterRefusalTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  /// A copy of an adapter with another configuration.
  private func adapter(
    _ name: String = "causal-rank-1", _ change: (inout JSONObject) -> Void = { _ in }
  ) throws -> String {
    let path = directory.file(UUID().uuidString)
    try FileManager.default.copyItem(atPath: ParityGolden.path("adapters/\(name)"), toPath: path)
    let file = path + "/adapter_config.json"
    var config = try #require(JSONValue.parseFile(file).object)
    change(&config)
    try JSONValue.object(config).write(to: file)
    return path
  }

  /// The tensors of a copy, changed.
  private func tensors(_ path: String, _ change: (String, Tensor) -> (String, Tensor)?) throws {
    let file = path + "/adapter_model.safetensors"
    let old = try SafetensorsFile(path: file)
    let all = try old.entries.map { ($0.name, try old.tensor($0).copied()) }
    try SafetensorsWriter.write(all.compactMap { change($0.0, $0.1) }.map { (name: $0.0, tensor: $0.1) }, to: file)
  }

  private func refusal(_ path: String, on golden: String = "causal-rank-1") -> CarinaError? {
    thrownCarinaError {
      let parts = try AdapterGolden(golden).parts()
      let attached = try AdapterChoice([path]).open(for: parts)
      var pipeline = try parts.join(precision: .float32, on: TestBackend.chosen)
      try pipeline.attach(attached)
    }
  }

  @Test("kinds of adapters that are not computed here are refused by name, with what to do")
  func kinds() throws {
    let cases: [(key: String, value: JSONValue, word: String)] = [
      ("peft_type", "PREFIX_TUNING", "kind"), ("peft_type", "IA3", "kind"), ("use_dora", true, "DoRA"),
      ("bias", "lora_only", "biases"), ("fan_in_fan_out", true, "inputs by outputs"),
      ("init_lora_weights", "pissa", "changed"), ("lora_bias", true, "biases"),
      ("target_parameters", ["mlp.experts"], "linear"), ("trainable_token_indices", [1, 2], "tokens"),
      ("layer_replication", [[0, 2]], "repeated"), ("alora_invocation_tokens", [5], "aLoRA"),
    ]
    for (key, value, word) in cases {
      let error = refusal(try adapter { $0[key] = value })
      #expect(error?.kind == .badData && error?.what.contains(word) == true, "\(key): \(String(describing: error))")
      #expect(error?.remedy?.contains("merge_and_unload") == true, "\(key)")
    }
    for (key, value) in [
      ("r", 0 as JSONValue), ("r", "four"), ("lora_alpha", 0), ("lora_alpha", "many"), ("target_modules", "((q_proj"),
      ("rank_pattern", ["(": 3]), ("alpha_pattern", ["q_proj": "x"]),
    ] {
      let error = refusal(try adapter { $0[key] = value })
      #expect(error?.kind == .badData && "\(error.map { "\($0)" } ?? "")".contains(key), "\(key) \(value)")
    }
    let parts = try AdapterGolden("causal-rank-1").parts()
    var pipeline = try parts.join(precision: .float32, on: TestBackend.chosen)
    try pipeline.attach(AdapterChoice([try adapter { $0["a_key_of_tomorrow"] = "new" }]).open(for: parts))
    #expect(pipeline.remarks.contains { $0.contains("a_key_of_tomorrow") })
  }

  @Test("an adapter of other shapes, and one for layers that are not there, are refused before a weight is read")
  func shapes() throws {
    let other = refusal(try adapter("joined-rank-4"))
    #expect(other?.kind == .badData && other?.what.contains("does not fit the model") == true)
    #expect(other?.what.contains("of other shapes") == true && other?.remedy?.contains("gemma3/grouped") == true)
    let rank = refusal(try adapter { $0["r"] = 3 })
    #expect(
      rank?.what.contains("expected [3, 18] and [18, 3], found [1, 18] and [18, 1]") == true,
      "\(String(describing: rank))")
    let deep = try adapter()
    try tensors(deep) { ($0.replacingOccurrences(of: "layers.0", with: "layers.7"), $1) }
    #expect(refusal(deep)?.what.contains("layers that the model does not have") == true)
  }

  @Test("names that match nothing, a factor alone, what target_modules leaves out, and no weights at all")
  func names() throws {
    let cases: [(word: String, change: (String, Tensor) -> (String, Tensor)?)] = [
      ("no layer of a Gemma 3", { ($0.replacingOccurrences(of: "base_model.model.model", with: "transformer.h"), $1) }),
      ("one of two factors", { $0.hasSuffix("layers.0.self_attn.q_proj.lora_B.weight") ? nil : ($0, $1) }),
      ("that target_modules does not name", { ($0.replacingOccurrences(of: "v_proj", with: "k_proj"), $1) }),
      ("holds no weights", { _, _ in nil }),
      ("magnitudes of a DoRA", { ($0.replacingOccurrences(of: "lora_A.weight", with: "lora_magnitude_vector"), $1) }),
      ("adapter of an embedding", { ($0.replacingOccurrences(of: "lora_A.weight", with: "lora_embedding_A"), $1) }),
      (
        "not finite",
        { ($0, $0.contains("lora_B") ? Tensor([Float](repeating: .nan, count: $1.count), shape: $1.shape) : $1) }
      ),
      ("changes nothing", { ($0, $0.contains("lora_B") ? Tensor(zeros: $1.shape) : $1) }),
    ]
    for (word, change) in cases {
      let path = try adapter()
      try tensors(path, change)
      let error = refusal(path)
      #expect(error?.kind == .badData && error?.what.contains(word) == true, "\(word): \(String(describing: error))")
      #expect(error?.remedy != nil, "\(word)")
    }
  }

  @Test("a file that is cut, pickled or not there, several adapters in one directory, and none")
  func files() throws {
    let cut = try adapter(), file = "/adapter_model.safetensors"
    let bytes = try Data(contentsOf: URL(fileURLWithPath: cut + file))
    for count in [bytes.count - 1, bytes.count / 2, 9, 0] {
      try bytes.prefix(count).write(to: URL(fileURLWithPath: cut + file))
      #expect(refusal(cut)?.kind == .badData, "\(count)")
    }
    let pickled = try adapter()
    try FileManager.default.moveItem(atPath: pickled + file, toPath: pickled + "/adapter_model.bin")
    #expect(refusal(pickled)?.found == "adapter_model.bin" && refusal(pickled)?.kind == .missingInput)
    try FileManager.default.removeItem(atPath: pickled + "/adapter_model.bin")
    #expect(refusal(pickled)?.what == "the adapter has no weights")
    try FileManager.default.createDirectory(atPath: pickled + file, withIntermediateDirectories: false)
    let inPlace = refusal(pickled)
    #expect(inPlace?.kind == .badData && inPlace?.what == "is a directory" && inPlace?.location == pickled + file)
    let two = directory.file("two")
    for name in ["a", "b"] {
      try FileManager.default.createDirectory(atPath: two, withIntermediateDirectories: true)
      try FileManager.default.copyItem(atPath: try adapter(), toPath: "\(two)/\(name)")
    }
    #expect(refusal(two)?.found == "a, b")
    #expect(refusal(directory.file("nothing"))?.kind == .missingInput)
    #expect(refusal(try ParityGolden.path("training/siglip"))?.what == "there is no adapter")
  }

  @Test("adapters are added in their order, and their sum is that of two")
  func stacked() throws {
    let golden = try AdapterGolden("causal-rank-4"), parts = try golden.parts()
    func logits(_ names: [String]) throws -> [Double] {
      var pipeline = try parts.join(precision: .float32, on: TestBackend.chosen)
      let paths = try names.map { try ParityGolden.path("adapters/\($0)") }
      try pipeline.attach(AdapterChoice(paths).open(for: parts))
      return try golden.logits(pipeline.model, sample: 0).doubles
    }
    let both = try logits(["causal-rank-4", "causal-rank-1"])
    expectClose(both, try logits(["causal-rank-1", "causal-rank-4"]), relative: 1e-5)
    for one in ["causal-rank-4", "causal-rank-1"] { #expect(try logits([one]) != both) }
  }
}
