import Foundation
import TestSupport
import Testing

import Carina

/// Copies of a joined golden in another layout, with other keys, damaged or in shards.
final class JoinedGemma3Files {
  typealias Tensors = [(name: String, tensor: Tensor)]
  private var directories: [TemporaryDirectory] = []

  /// The names of the hub, of transformers' memory, and of its `save_pretrained`.
  enum Names: String, CaseIterable { case hub, memory, saved }

  static func golden(_ name: String) throws -> ModelDirectory {
    ModelDirectory(path: try ParityGolden.path("gemma3/\(name)"))
  }

  static func tensors(_ directory: ModelDirectory) throws -> Tensors {
    let weights = try directory.weights()
    return try weights.names.map { ($0, try weights.tensor(named: $0)) }
  }

  /// A name of the golden, which is as `save_pretrained` writes it, in another layout.
  static func name(_ saved: String, as names: Names) -> String {
    switch names {
    case .saved: return saved
    case .hub: return saved.replacingOccurrences(of: "vision_tower.", with: "vision_tower.vision_model.")
    case .memory:
      let hub = name(saved, as: .hub)
      if hub == "language_model.lm_head.weight" { return "lm_head.weight" }
      return "model." + hub.replacingOccurrences(of: "language_model.model.", with: "language_model.")
    }
  }

  /// A copy of a golden.
  func changed(
    _ golden: String = "infer", keys: [(String, JSONValue?)] = [], shards: Int = 1,
    _ change: (inout Tensors) throws -> Void = { _ in }
  ) throws -> ModelDirectory {
    let directory = try TemporaryDirectory(), source = try JoinedGemma3Files.golden(golden)
    directories.append(directory)
    for name in ["generation_config.json", "preprocessor_config.json", "tokenizer.json"] where source.has(name) {
      try FileManager.default.copyItem(atPath: source.file(name), toPath: directory.file(name))
    }
    var config = try #require(try source.configuration().object)
    for (path, value) in keys {
      let names = path.split(separator: ".").map(String.init)
      if names.count == 1 {
        config[path] = value
      } else {
        var inner = try #require(config[names[0]]?.object)
        inner[names[1]] = value
        config[names[0]] = .object(inner)
      }
    }
    try JSONValue.object(config).write(to: directory.file("config.json"))
    var all = try JoinedGemma3Files.tensors(source)
    try change(&all)
    if shards == 1 {
      try SafetensorsWriter.write(all, to: directory.file("model.safetensors"))
    } else {
      var map = JSONObject()
      for shard in 0..<shards {
        let own = all.enumerated().filter { $0.offset % shards == shard }.map(\.element)
        let file = "model-0000\(shard + 1)-of-0000\(shards).safetensors"
        try SafetensorsWriter.write(own, to: directory.file(file))
        for (name, _) in own { map[name] = .string(file) }
      }
      try (["metadata": [:], "weight_map": .object(map)] as JSONValue).write(
        to: directory.file("model.safetensors.index.json"))
    }
    return ModelDirectory(path: directory.path)
  }
}
