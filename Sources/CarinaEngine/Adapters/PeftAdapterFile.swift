import CarinaModel
import CarinaRuntime
import CarinaTensor
import Foundation

/// An adapter as PEFT writes it: `adapter_config.json` and `adapter_model.safetensors`, opened and not yet read.
package struct PeftAdapterFile {
  /// The two factors of one map.
  package struct Change {
    /// The part, the engine's name of the map, and its path in the model that the adapter was made for.
    package let part: AdaptedPart, map: String, path: String
    let a: SafetensorsEntry, b: SafetensorsEntry
    /// Factor on their product.
    package let scale: Double
  }

  /// A whole weight that stands in the place of the base's.
  package struct Saved {
    /// The part and the engine's name.
    package let part: AdaptedPart, name: String
    let entry: SafetensorsEntry
  }

  /// The directory.
  package let path: String
  /// What the configuration says.
  package let configuration: PeftConfiguration
  /// The weights.
  package let weights: WeightsDirectory
  /// What it changes and what it replaces, in the order of the bytes.
  package let changes: [Change], saved: [Saved]

  /// The engine's names of all weights that are others with the adapter.
  var changedWeights: [String] { changes.map { $0.map + ".weight" } + saved.map(\.name) }

  static let weightsName = "adapter_model.safetensors"

  /// Opens an adapter; no tensor is read.
  /// - Parameter part: the part that an adapter of one part alone is for; nil for one whose names tell.
  /// - Throws: `CarinaError.missingInput`, `.badData` for a file that is damaged, or names that are no adapter's.
  package init(path: String, part: AdaptedPart? = nil) throws {
    self.path = path
    let configuration = try PeftConfiguration(path: "\(path)/\(AdapterDirectory.fileName)")
    self.configuration = configuration
    weights = try WeightsDirectory(file: try Self.weightsPath(in: path))
    var factors = Factors(), saved: [Saved] = [], strange: [String] = []
    for entry in weights.files.flatMap(\.entries) {
      guard let name = AdapterTensorName(entry.name) else {
        strange.append(entry.name)
        continue
      }
      switch name.role {
      case .other(let what):
        throw CarinaError(
          .badData, "the adapter holds \(what) (\(entry.name)), which is not computed here", at: weights.path,
          expected: "lora_A, lora_B and whole weights",
          remedy: "Merge it into its base with PEFT (merge_and_unload), and name the merged model.")
      case .a, .b: factors.add(entry, name)
      case .saved:
        guard let (part, own) = AdapterModuleName.resolve(name.path, part) else {
          strange.append(entry.name)
          continue
        }
        saved.append(Saved(part: part, name: own, entry: entry))
      }
    }
    var changes: [Change] = [], single: [String] = [], untargeted: [String] = []
    for (path, a, b) in factors.pairs {
      guard let (own, map) = AdapterModuleName.resolve(path + ".weight", part) else {
        strange.append(path)
        continue
      }
      guard let a, let b else {
        single.append(path)
        continue
      }
      if !configuration.matches(path) { untargeted.append(path) }
      changes.append(
        Change(
          part: own, map: String(map.dropLast(".weight".count)), path: path, a: a, b: b,
          scale: configuration.scale(of: path)))
    }
    let findings = [
      ("of no layer of a Gemma 3 or SigLIP", strange), ("with one of two factors", single),
      ("that target_modules does not name", untargeted),
    ].filter { !$0.1.isEmpty }.map { "\($0.1.count) \($0.0): \(NameList.text($0.1))" }
    guard findings.isEmpty else {
      throw CarinaError(
        .badData, "the adapter's tensors cannot be used: \(findings.joined(separator: "; "))", at: weights.path,
        remedy: "Check that the adapter was trained on a Gemma 3 and that both of its files are of one adapter.")
    }
    guard !changes.isEmpty || !saved.isEmpty else {
      throw CarinaError(
        .badData, "the adapter holds no weights", at: weights.path, expected: "lora_A and lora_B of at least one layer",
        remedy: "Save the adapter again: PEFT's save_pretrained writes them.")
    }
    self.changes = changes
    self.saved = saved
  }

  private static func weightsPath(in path: String) throws -> String {
    let directory = ModelDirectory(path: path)
    guard directory.has(weightsName) else {
      throw CarinaError(
        .missingInput, "the adapter has no weights", at: path, expected: weightsName,
        found: directory.has("adapter_model.bin") ? "adapter_model.bin" : nil,
        remedy: directory.has("adapter_model.bin")
          ? "Only safetensors is read: load it with PEFT and call save_pretrained, which writes safetensors."
          : "Fetch the whole directory.")
    }
    return directory.file(weightsName)
  }

  /// Pairs of factors by the path of their map, in the order in which the maps come up.
  private struct Factors {
    private(set) var pairs: [(path: String, a: SafetensorsEntry?, b: SafetensorsEntry?)] = []
    private var positions: [ExactText: Int] = [:]

    mutating func add(_ entry: SafetensorsEntry, _ name: AdapterTensorName) {
      let index = positions[ExactText(name.path)] ?? pairs.count
      if index == pairs.count {
        positions[ExactText(name.path)] = index
        pairs.append((name.path, nil, nil))
      }
      if name.role == .a { pairs[index].a = entry } else { pairs[index].b = entry }
    }
  }
}
