import CarinaRuntime

/// `adapter_config.json` of PEFT's LoRA, as far as an adapter's numbers depend on it (PEFT 0.21, `LoraConfig`).
package struct PeftConfiguration {
  /// The rank and the alpha of maps that no pattern names.
  package let rank: Int, alpha: Double
  /// Whether the scale is alpha / √rank instead of alpha / rank.
  package let stabilizesRank: Bool
  /// Which maps it is meant for.
  package let targets: Targets
  /// Modules whose whole weights lie in the adapter.
  package let savedModules: [String]
  /// What the adapter's maker called the base; nil where the file does not say.
  package let base: String?
  /// Whether an output head that is the embedding's follows a saved embedding.
  package let tiesEmbedding: Bool
  /// Keys that are not known here and have a value, for the log.
  package let unknownKeys: [String]
  private let rankPattern: [(pattern: String, value: Double)], alphaPattern: [(pattern: String, value: Double)]

  /// `target_modules`.
  package enum Targets: Equatable {
    /// Names that a path ends in; a regular expression for whole paths; every linear layer.
    case names([String])
    case pattern(String)
    case allLinear
  }

  /// Reads the file.
  /// - Throws: `CarinaError.missingInput`, `.badData` naming the key that cannot be used, with what to do.
  package init(path: String) throws {
    let json = try JSONValue.parseFile(path)
    let root = JSONNode(json, source: path)
    let document = try root.object()
    let kind = try root["peft_type"].text()
    guard kind == "LORA" else {
      throw CarinaError(
        .badData, "an adapter of this kind cannot be used", at: path, expected: "peft_type LORA", found: kind,
        remedy:
          "Merge it into its base with PEFT (merge_and_unload), where that can be done, and name the merged model.")
    }
    try Self.requirePlain(root)
    rank = try root["r"].count(from: 1)
    alpha = try root["lora_alpha"].read("a number other than 0") {
      $0.double.flatMap { $0 != 0 && $0.isFinite ? $0 : nil }
    }
    stabilizesRank = try root["use_rslora"].optional?.flag() ?? false
    targets = try Self.targets(root["target_modules"])
    savedModules = try root["modules_to_save"].optional?.elements().map { try $0.text() } ?? []
    base = try root["base_model_name_or_path"].optional?.text()
    tiesEmbedding = try root["ensure_weight_tying"].optional?.flag() ?? false
    rankPattern = try Self.pattern(root["rank_pattern"])
    alphaPattern = try Self.pattern(root["alpha_pattern"])
    unknownKeys = document.filter { !Self.knownKeys.contains($0.key) && !Self.isOff($0.value) }.map(\.key)
  }

  /// The rank of the map of a path.
  package func rank(of path: String) -> Int {
    rankPattern.first { Self.matches($0.pattern, path) }.flatMap { Int(exactly: $0.value) } ?? rank
  }

  /// alpha / rank of the map of a path, or alpha / √rank.
  package func scale(of path: String) -> Double {
    let alpha = alphaPattern.first { Self.matches($0.pattern, path) }?.value ?? alpha, rank = Double(rank(of: path))
    return alpha / (stabilizesRank ? rank.squareRoot() : rank)
  }

  /// Whether PEFT puts an adapter beside the map of a path.
  package func matches(_ path: String) -> Bool {
    switch targets {
    case .allLinear: true
    case .names(let names): names.contains { LoraTargets.name($0, matches: path) }
    case .pattern(let pattern): (try? Regex(pattern)).flatMap { try? $0.wholeMatch(in: path) } != nil
    }
  }

  /// As `get_pattern_key` of PEFT: `(.*\.)?(PATTERN)$`.
  private static func matches(_ pattern: String, _ path: String) -> Bool {
    // Most patterns are paths, of which there may be hundreds.
    if pattern.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." }) {
      return LoraTargets.name(pattern, matches: path)
    }
    return (try? Regex("(.*\\.)?(\(pattern))")).flatMap { try? $0.wholeMatch(in: path) } != nil
  }

  private static func targets(_ node: JSONNode) throws -> Targets {
    if let text = node.value?.string {
      if text.lowercased() == "all-linear" { return .allLinear }
      guard (try? Regex(text)) != nil else { throw node.failure("a regular expression, all-linear or a list of names") }
      return .pattern(text)
    }
    guard let node = node.optional else { return .names([]) }
    return .names(try node.elements().map { try $0.text() })
  }

  private static func pattern(_ node: JSONNode) throws -> [(pattern: String, value: Double)] {
    guard let object = try node.optional?.object() else { return [] }
    return try object.map { key, _ in
      guard (try? Regex("(.*\\.)?(\(key))")) != nil else { throw node[key].failure("a regular expression as its name") }
      return (key, try node[key].read("a number above 0") { $0.double.flatMap { $0 > 0 && $0.isFinite ? $0 : nil } })
    }
  }

  /// Refuses what makes another computation of it.
  private static func requirePlain(_ root: JSONNode) throws {
    func refuse(_ key: String, _ what: String) throws -> Never {
      throw CarinaError(
        .badData, "\(what) (\(key)), which is not computed here", at: root.source, expected: "plain LoRA",
        found: try root[key].value?.serialized(),
        remedy: "Merge it into its base with PEFT (merge_and_unload), and name the merged model.")
    }
    if try root["use_dora"].optional?.flag() == true { try refuse("use_dora", "the adapter is a DoRA") }
    if let bias = try root["bias"].optional?.text(), bias != "none" {
      try refuse("bias", "the adapter trains biases of its base")
    }
    if try root["fan_in_fan_out"].optional?.flag() == true {
      try refuse("fan_in_fan_out", "the adapter is for weights stored inputs by outputs")
    }
    if let start = root["init_lora_weights"].value?.string, !plainStarts.contains(start.lowercased()) {
      try refuse("init_lora_weights", "the adapter belongs to a base that was changed when it was made")
    }
    for (key, what) in variants where !isOff(root[key].value) { try refuse(key, what) }
  }

  private static func isOff(_ value: JSONValue?) -> Bool {
    switch value {
    case nil, .null?, .bool(false)?: true
    case .array(let elements)?: elements.isEmpty
    case .object(let object)?: object.isEmpty
    default: false
    }
  }

  /// Ways to begin that leave the base as it is.
  private static let plainStarts = ["gaussian", "orthogonal", "eva"]
  private static let variants = [
    ("lora_bias", "the adapter has biases of its own"),
    ("target_parameters", "the adapter changes weights that are no linear layers"),
    ("layer_replication", "the adapter is for a base with repeated layers"),
    ("trainable_token_indices", "the adapter trains single tokens"),
    ("alora_invocation_tokens", "the adapter begins at a token (aLoRA)"), ("arrow_config", "the adapter is a router"),
    ("use_qalora", "the adapter is a QALoRA"), ("use_bdlora", "the adapter is a BD-LoRA"),
    ("kasa_config", "the adapter is a KaSA"), ("monteclora_config", "the adapter is a MonteCLoRA"),
    ("velora_config", "the adapter is a VeLoRA"),
  ]
  private static let knownKeys: Set<String> = [
    "alpha_pattern", "auto_mapping", "base_model_name_or_path", "bias", "corda_config", "ensure_weight_tying",
    "eva_config", "exclude_modules", "fan_in_fan_out", "inference_mode", "init_lora_weights", "layers_pattern",
    "layers_to_transform", "loftq_config", "lora_alpha", "lora_dropout", "lora_ga_config", "megatron_config",
    "megatron_core", "modules_to_save", "peft_type", "peft_version", "qalora_group_size", "r", "rank_pattern",
    "revision", "runtime_config", "target_modules", "task_type", "use_dora", "use_rslora",
  ]
}
