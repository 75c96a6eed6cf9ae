import CarinaRuntime

/// Where two run configurations differ, in words.
enum ConfigurationDifference {
  /// What no option says, in words.
  private static let explanations = [
    RunRecord.byteRoundingKey: "the run was begun by a version of Carina that rounds to 8 bits in another way"
  ]

  /// One clause a key whose values differ, keys of nested objects joined by dots.
  static func list(recorded: JSONValue, asked: JSONValue, path: String = "") -> [String] {
    if case .object(let old) = recorded, case .object(let new) = asked {
      let keys = Set((old.keys + new.keys).map(\.exact)).sorted()
      return keys.map(\.text).flatMap { key in
        list(
          recorded: recorded[key] ?? .null, asked: asked[key] ?? .null, path: path.isEmpty ? key : "\(path).\(key)")
      }
    }
    guard recorded != asked else { return [] }
    func text(_ value: JSONValue) -> String {
      (try? value.serialized(sortedKeys: true, indented: false)) ?? "a value that is no JSON"
    }
    let reason = recorded.isNull || asked.isNull ? nil : explanations[path]
    return ["\(path) was \(text(recorded)), is \(text(asked))\(reason.map { " (\($0))" } ?? "")"]
  }
}
