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
      remedy: "Merge the adapter into \(base ?? "the model that it was trained on") first; or, where a model answers, "
        + "name that as the model and this directory with \(setting: AdapterChoice.setting).")
  }

  /// The directory that holds an adapter: the one that is named, or one inside.
  /// - Throws: `CarinaError.missingInput`, `.badData` where several would do.
  static func find(in directory: ModelDirectory) throws -> String {
    func holds(_ path: String) -> Bool { FileManager.default.fileExists(atPath: "\(path)/\(fileName)") }
    let path = directory.path
    if holds(path) { return path }
    let runs = [
      "\(path)/\(JoinedModelDirectory.adapterName)", "\(path)/final_model/\(JoinedModelDirectory.adapterName)",
    ]
    if let own = runs.first(where: holds) { return own }
    let inner = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted().map { "\(path)/\($0)" }
      .filter(holds)
    guard inner.count <= 1 else {
      throw CarinaError(
        .badData, "there are several adapters", at: path, expected: "one",
        found: inner.map { $0.dropFirst(path.count + 1) }.joined(separator: ", "),
        remedy: "Name one of these directories.")
    }
    guard let one = inner.first else {
      throw CarinaError(
        .missingInput, "there is no adapter", at: path, expected: fileName,
        remedy: "Name the directory that PEFT's save_pretrained or a training run wrote.")
    }
    return one
  }
}
