import CarinaRuntime

/// A value in a file of metrics, found by its path of keys, with errors that name it.
struct MetricsNode {
  let value: JSONValue?
  let path: String
  let keys: [String]

  init(_ value: JSONValue?, _ path: String, _ keys: [String] = []) {
    self.value = value
    self.path = path
    self.keys = keys
  }

  subscript(_ key: String) -> MetricsNode { MetricsNode(value?[key], path, keys + [key]) }

  /// Itself if something stands here.
  var optional: MetricsNode? { value == nil || value == .null ? nil : self }

  func number() throws -> Double {
    guard let number = value?.double else { throw failure("a number") }
    return number
  }

  func count() throws -> Int {
    guard let count = value?.int, count >= 0 else { throw failure("a whole number from 0") }
    return count
  }

  func text() throws -> String {
    guard let text = value?.string else { throw failure("a text") }
    return text
  }

  /// The object's entries; none where nothing stands.
  func entries() throws -> [String: MetricsNode] {
    guard let value, !value.isNull else { return [:] }
    guard let object = value.object else { throw failure("an object") }
    return object.reduce(into: [:]) { $0[$1.key] = MetricsNode($1.value, path, keys + [$1.key]) }
  }

  func failure(_ expected: String) -> CarinaError {
    CarinaError(
      .badData, "the key \"\(keys.joined(separator: "/"))\" is not as it should be", at: path, expected: expected,
      found: value?.kindName ?? "nothing")
  }
}
