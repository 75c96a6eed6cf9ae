import Foundation
import TestSupport
import Testing

import Carina

@Suite struct WeightsDirectoryTests {
  private func one(_ value: Float) -> Tensor { Tensor([value], shape: [1]) }

  private func sharded(
    first: [String], second: [String], map: [(String, String)]
  ) throws -> TemporaryDirectory {
    let directory = try TemporaryDirectory()
    for (names, file) in [(first, "model-00001-of-00002.safetensors"), (second, "model-00002-of-00002.safetensors")]
    where !names.isEmpty {
      try SafetensorsWriter.write(names.map { ($0, one(1)) }, to: directory.file(file))
    }
    let object = JSONObject(map.map { ($0.0, .string("model-0000\($0.1)-of-00002.safetensors")) })
    let index: JSONValue = ["metadata": [:], "weight_map": .object(object)]
    try AtomicFile.write(index.serialized(), to: directory.file("model.safetensors.index.json"))
    return directory
  }

  @Test("shards hold the same tensors as the single file")
  func shardsEqualSingle() throws {
    let single = try WeightsDirectory(path: CheckpointGoldens.path("model/gemma-window-short"))
    let shards = try WeightsDirectory(path: CheckpointGoldens.path("model/gemma-sharded"))
    #expect(shards.files.count == 2)
    #expect(Set(single.names) == Set(shards.names))
    for name in single.names {
      #expect(try single.tensor(named: name).values == shards.tensor(named: name).values)
    }
    #expect(try single.contentHash() != shards.contentHash())
    #expect(
      try single.contentHash()
        == WeightsDirectory(path: CheckpointGoldens.path("model/gemma-window-short/model.safetensors")).contentHash())
  }

  @Test("index and shards that disagree are refused with every difference")
  func disagreement() throws {
    let directory = try sharded(
      first: ["a", "b"], second: ["c", "d"], map: [("a", "1"), ("b", "2"), ("c", "2"), ("e", "1")])
    let error = try #require(thrownCarinaError { try WeightsDirectory(path: directory.path) })
    #expect(error.kind == .badData)
    for part in ["b is in model-00001", "e is in no shard", "d is not in the index"] {
      #expect(error.what.contains(part))
    }
  }

  @Test("a name in two shards, a shard that is not there, an index that leaves the directory")
  func shardErrors() throws {
    let twice = try sharded(first: ["a", "b"], second: ["b"], map: [("a", "1"), ("b", "2")])
    let error = try #require(thrownCarinaError { try WeightsDirectory(path: twice.path) })
    #expect(error.what.contains("b stands in two shards"))
    let absent = try sharded(first: ["a"], second: [], map: [("a", "1"), ("b", "2")])
    let missing = try #require(thrownCarinaError { try WeightsDirectory(path: absent.path) })
    #expect(missing.kind == .missingInput)
    #expect(missing.found?.contains("model-00002-of-00002.safetensors") == true)
    try AtomicFile.write(
      "{\"weight_map\": {\"a\": \"../x.safetensors\"}}", to: absent.file("model.safetensors.index.json"))
    #expect(thrownCarinaError { try WeightsDirectory(path: absent.path) }?.what.contains("no file name") == true)
    try AtomicFile.write("{}", to: absent.file("model.safetensors.index.json"))
    #expect(thrownCarinaError { try WeightsDirectory(path: absent.path) }?.what.contains("weight_map") == true)
  }

  @Test("no weights, or weights of another format")
  func nothingThere() throws {
    let directory = try TemporaryDirectory()
    #expect(thrownCarinaError { try WeightsDirectory(path: directory.file("x")) }?.kind == .missingInput)
    #expect(thrownCarinaError { try WeightsDirectory(path: directory.path) }?.kind == .missingInput)
    try AtomicFile.write("x", to: directory.file("pytorch_model.bin"))
    let error = try #require(thrownCarinaError { try WeightsDirectory(path: directory.path) })
    #expect(error.found == "pytorch_model.bin")
    #expect(error.remedy?.contains("save_pretrained") == true)
  }
}
