import CarinaRuntime
import CarinaTensor
import Foundation

/// The weights of a model on disk: one `model.safetensors`, or shards under `model.safetensors.index.json`; of a projector also a
/// file that `torch.save` wrote.
package final class WeightsDirectory {
  /// The directory, or the file when a single file was named.
  package let path: String
  /// The files, by name.
  package let files: [SafetensorsFile]
  /// Tensors that the index lists and no file holds. Whether one is missed, the model knows that is made of the files.
  package private(set) var unheld: [String] = []
  private var owners: [ExactText: Int] = [:]
  private var knownHash: String?

  /// Opens the files and checks their headers and their index; no tensor is read.
  /// - Throws: `CarinaError.missingInput` when there are no weights or a shard is absent, `.badData` when a file is
  ///   damaged, a name stands in two shards, or index and shards disagree otherwise than by a name in the index alone.
  package init(path: String) throws {
    self.path = path
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      throw CarinaError(.missingInput, "there is no such directory or file of weights", at: path)
    }
    let single = "\(path)/model.safetensors"
    let index = "\(path)/model.safetensors.index.json"
    if !isDirectory.boolValue {
      files = [
        TorchArchive.isNamedSo(path)
          ? try SafetensorsFile(torchArchive: path) : try SafetensorsFile(path: path)
      ]
      try collectOwners()
    } else if FileManager.default.fileExists(atPath: single) {
      files = [try SafetensorsFile(path: single)]
      try collectOwners()
    } else if FileManager.default.fileExists(atPath: index) {
      let map = try WeightsDirectory.weightMap(index)
      files = try WeightsDirectory.shards(of: map, in: path, index: index)
      try collectOwners()
      try compare(map, index: index)
    } else {
      throw AdapterDirectory.refusal(path) ?? WeightsDirectory.nothing(in: path)
    }
  }

  /// Opens the one file that holds all weights.
  /// - Throws: `CarinaError.missingInput`, `.badData` when it is damaged or no file.
  package init(file path: String) throws {
    self.path = path
    files = [try SafetensorsFile(path: path)]
    try collectOwners()
  }

  /// The names of all tensors, in the order of their bytes.
  package var names: [String] { files.flatMap { $0.entries.map(\.name) } }

  /// Where the tensor of a name lies.
  package func find(_ name: String) -> (file: SafetensorsFile, entry: SafetensorsEntry)? {
    guard let owner = owners[ExactText(name)], let entry = files[owner].entry(named: name) else { return nil }
    return (files[owner], entry)
  }

  /// The tensor of a name; see `SafetensorsFile.tensor(named:on:)`.
  /// - Throws: `CarinaError.badData`.
  package func tensor(named name: String, on backend: any Backend) throws -> Tensor {
    guard let (file, entry) = find(name) else {
      throw CarinaError(.badData, "there is no tensor \(name)", at: path)
    }
    return try file.tensor(entry, on: backend)
  }

  /// SHA-256 over the lines `HASH  NAME` of the files, each hashed whole (some seconds for a model of a billion
  /// weights); computed when first asked for.
  /// - Throws: `CarinaError.missingInput` or `.badData` when a file cannot be read any more.
  package func contentHash() throws -> String {
    if let knownHash { return knownHash }
    let lines = try files.map { file in
      "\(try SHA256Digest.ofFile(file.path))  \((file.path as NSString).lastPathComponent)\n"
    }
    let hash = SHA256Digest.of(lines.joined())
    knownHash = hash
    return hash
  }

  /// SHA-256 over lines of the tensors that a format takes, each with the engine's name and its own SHA-256: of a model
  /// that lies beside others in the same files.
  package func contentHash(of format: TensorFormat) -> String {
    var taken: [(name: String, file: SafetensorsFile, entry: SafetensorsEntry)] = []
    for file in files {
      for entry in file.entries {
        guard let name = format.engineName(entry.name), !format.leftOut.contains(where: { $0.matches(name) }) else {
          continue
        }
        taken.append((name, file, entry))
      }
    }
    taken.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    var lines = [String](repeating: "", count: taken.count)
    lines.withUnsafeMutableBufferPointer { buffer in
      // Unsafe: each task writes an element of its own, and files are only read.
      nonisolated(unsafe) let target = buffer, tensors = taken
      ThreadTeam.run(taskCount: tensors.count) { index in
        let (name, file, entry) = tensors[index]
        var digest = SHA256Digest()
        file.withBytes(of: entry) { digest.update($0) }
        target[index] = "\(name) \(entry.element.rawValue) \(entry.shape) \(digest.finish())\n"
      }
    }
    return SHA256Digest.of(lines.joined())
  }

  private func collectOwners() throws {
    for (index, file) in files.enumerated() {
      for entry in file.entries {
        if let other = owners.updateValue(index, forKey: ExactText(entry.name)) {
          throw CarinaError(
            .badData, "the tensor \(entry.name) stands in two shards", at: path,
            found: "\(files[other].path) and \(file.path)")
        }
      }
    }
  }

  private static func weightMap(_ index: String) throws -> [(name: String, file: String)] {
    let json = try JSONValue.parseFile(index)
    guard let map = json["weight_map"]?.object, !map.isEmpty else {
      throw CarinaError(.badData, "holds no weight_map", at: index, expected: "tensor names and their files")
    }
    return try map.map { name, value in
      // A shard lies beside its index; anything else would let an index reach over the file system.
      guard let file = value.string, FileName.isSingle(file) else {
        throw CarinaError(.badData, "weight_map.\(name) is no file name", at: index, found: value.kindName)
      }
      return (name, file)
    }
  }

  private static func shards(
    of map: [(name: String, file: String)], in directory: String, index: String
  ) throws -> [SafetensorsFile] {
    let names = Set(map.map { ExactText($0.file) }).sorted().map(\.text)
    let missing = names.filter { !FileManager.default.fileExists(atPath: "\(directory)/\($0)") }
    guard missing.isEmpty else {
      throw CarinaError(
        .missingInput, "shards that the index names are not there", at: index,
        found: "no \(NameList.text(missing))", remedy: "Fetch them into the same directory.")
    }
    return try names.map { try SafetensorsFile(path: "\(directory)/\($0)") }
  }

  private func compare(_ map: [(name: String, file: String)], index: String) throws {
    var problems = [String]()
    for (name, file) in map {
      guard let found = find(name) else {
        unheld.append(name)
        continue
      }
      let actual = (found.file.path as NSString).lastPathComponent
      if !actual.isExactly(file) { problems.append("\(name) is in \(actual), not in \(file)") }
    }
    let known = Set(map.map { ExactText($0.name) })
    problems += names.filter { !known.contains(ExactText($0)) }.map { "\($0) is not in the index" }
    guard problems.isEmpty else {
      problems += unheld.map { "\($0) is in no shard" }
      throw CarinaError(
        .badData, "index and shards disagree: \(NameList.text(problems, separator: "; "))", at: index,
        remedy: "Fetch or write the model again.")
    }
  }

  private static func nothing(in path: String) -> CarinaError {
    let others = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted().filter {
      $0.hasSuffix(".bin") || $0.hasSuffix(".pt") || $0.hasSuffix(".pth") || $0.hasSuffix(".gguf")
    }
    return CarinaError(
      .missingInput, "there are no weights", at: path,
      expected: "model.safetensors, or model.safetensors.index.json with its shards",
      found: others.isEmpty ? nil : others.joined(separator: ", "),
      remedy: others.isEmpty
        ? nil
        : others.contains { $0.hasSuffix(".bin") }
          ? "Only safetensors is read; convert with transformers: MODEL.save_pretrained(TARGET)."
          : "Only safetensors is read.")
  }
}
