import CarinaRuntime
import Foundation

/// Recognises the directory of an adapter (PEFT's LoRA and its like), which is given as a model now and then.
enum AdapterDirectory {
  /// The file by which an adapter is known.
  static let fileName = "adapter_config.json"

  /// The error for an adapter given as a model; nil where the directory holds none.
  static func refusal(_ path: String) -> CarinaError? {
    let file = "\(path)/\(fileName)"
    guard FileManager.default.fileExists(atPath: file) else { return nil }
    let config = (try? JSONValue.parseFile(file)) ?? [:]
    let base = config["base_model_name_or_path"]?.string.flatMap { $0.isEmpty ? nil : $0 }
    let kind = config["peft_type"]?.string.map { "\($0) adapter" } ?? "PEFT adapter"
    return CarinaError(
      .badData, "this is a \(kind), not a whole model", at: path, expected: "a model with its own weights",
      found: "changes to the weights of \(base ?? "a model that it does not name")",
      remedy: "Merge the adapter into \(base ?? "the model that it was trained on") with the library that made it, and "
        + "name the directory of the merged model.")
  }
}
