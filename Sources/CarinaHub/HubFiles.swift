import CarinaRuntime

/// Which files of a repository make a model: configuration, weights in safetensors, tokenizer, processor. Others (weights
/// in other formats, copies for other libraries, pictures) are left.
enum HubFiles {
  static let index = "model.safetensors.index.json"

  /// Files beside the weights, as far as they are there.
  private static let companions: Set<String> = [
    "config.json", "generation_config.json", "preprocessor_config.json", "processor_config.json", "chat_template.json",
    "chat_template.jinja", "tokenizer.json", "tokenizer.model", "spiece.model", "tokenizer_config.json",
    "special_tokens_map.json", "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt", "adapter_config.json",
    "projector_config.json",
  ]

  /// The files to fetch first, in the order of their names; shards follow by the index, where it is among them.
  /// - Throws: `CarinaError.badData` for a repository without weights in safetensors.
  static func wanted(_ names: [String], model: String) throws -> [String] {
    let weights = ["model.safetensors", index, "adapter_model.safetensors"].filter(names.contains)
    guard let first = weights.first else {
      let others = names.filter { name in
        [".bin", ".pt", ".pth", ".gguf", ".h5", ".msgpack", ".safetensors"].contains { name.hasSuffix($0) }
      }
      throw CarinaError(
        .badData, "the repository holds no weights that can be read", at: model,
        expected: "model.safetensors, or \(index) with its shards",
        found: others.isEmpty ? nil : others.prefix(5).joined(separator: ", "),
        remedy: "Only safetensors is read; take another repository or revision of the model.")
    }
    return names.filter { companions.contains($0) || $0 == first }.sortedExactly()
  }

  /// The shards that an index names.
  /// - Throws: `CarinaError.badData` for an index that is none.
  static func shards(index path: String) throws -> [String] {
    let names = try JSONValue.parseFile(path)["weight_map"]?.object?.map { $0.value.string }
    guard let names, !names.isEmpty, names.allSatisfy({ $0.map(FileName.isSingle) == true }) else {
      throw CarinaError(.badData, "holds no weight_map of names and files", at: path)
    }
    return Set(names.compactMap { $0.map { ExactText($0) } }).map(\.text).sortedExactly()
  }
}
