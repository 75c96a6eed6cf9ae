import Foundation
import TestSupport
import Testing

import Carina

/// The goldens of LLaVA (Tests/Reference/make_llava_goldens.py), and copies of them with other names, keys or tensors.
final class LlavaFiles {
  typealias Tensors = JoinedGemma3Files.Tensors
  private var directories: [TemporaryDirectory] = []

  static func golden(_ name: String) throws -> ModelDirectory {
    ModelDirectory(path: try ParityGolden.path("llava/\(name)"))
  }

  /// A name of the golden, which is as `save_pretrained` writes it, in another layout.
  static func name(_ saved: String, as names: JoinedGemma3Files.Names) -> String {
    JoinedGemma3Files.name(saved, as: names)
  }

  /// A copy of a golden; a key of a part has its name before a dot, and one of another file the file's before a colon.
  func changed(
    _ golden: String = "full", keys: [(String, JSONValue?)] = [], _ change: (inout Tensors) throws -> Void = { _ in }
  ) throws -> ModelDirectory {
    let directory = try TemporaryDirectory(), source = try LlavaFiles.golden(golden)
    directories.append(directory)
    for name in try FileManager.default.contentsOfDirectory(atPath: source.path) where name != "model.safetensors" {
      try FileManager.default.copyItem(atPath: source.file(name), toPath: directory.file(name))
    }
    for (path, value) in keys {
      let whole = path.split(separator: ":").map(String.init)
      let file = whole.count == 1 ? "config.json" : whole[0], key = whole[whole.count - 1]
      var document = try #require(try JSONValue.parseFile(directory.file(file)).object)
      let names = key.split(separator: ".").map(String.init)
      if names.count == 1 {
        document[key] = value
      } else {
        var inner = try #require(document[names[0]]?.object)
        inner[names[1]] = value
        document[names[0]] = .object(inner)
      }
      try JSONValue.object(document).write(to: directory.file(file))
    }
    var all = try JoinedGemma3Files.tensors(source)
    try change(&all)
    try SafetensorsWriter.write(all, to: directory.file("model.safetensors"))
    return ModelDirectory(path: directory.path)
  }
}
