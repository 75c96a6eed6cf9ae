import CarinaRuntime
import CarinaTensor

/// One object of a `config.json`, read key by key with errors that name the key.
///
/// A key that is absent, or null where transformers treats null as absent, takes the class default of transformers.
struct ConfigObject {
  /// Names and values.
  let object: JSONObject
  private let node: JSONNode

  /// The largest size that is believed: keeps every product of sizes within 64 bits.
  static let largestSize = 1 << 24

  init(_ json: JSONValue, source: String) throws {
    try self.init(JSONNode(json, source: source, wording: .configuration))
  }

  private init(_ node: JSONNode) throws {
    guard let object = node.value?.object else {
      throw CarinaError(
        .badData, node.keys.isEmpty ? "is no JSON object" : "\"\(node.path)\" is no JSON object", at: node.source,
        found: node.value?.kindName)
    }
    self.object = object
    self.node = node
  }

  /// The file, for errors.
  var source: String { node.source }

  /// Where a key stands in the document, in words.
  func path(_ key: String) -> String { node[key].path }

  /// The object under a key; an empty one where the key is absent or null.
  func child(_ key: String) throws -> ConfigObject { try ConfigObject(node[key].orEmpty) }

  /// The value of a key; nil when it is absent or null.
  func value(_ key: String) -> JSONValue? { node[key].optional?.value }

  /// A whole number of at least `least` and at most `most`.
  func size(_ key: String, default fallback: Int, least: Int = 1, most: Int = largestSize) throws -> Int {
    guard let value = value(key) else { return fallback }
    guard let number = value.int, number >= least, number <= most else {
      throw wrong(key, expected: "a whole number from \(least) to \(most)")
    }
    return number
  }

  /// A positive finite number.
  func positive(_ key: String, default fallback: Double) throws -> Double {
    guard let value = value(key) else { return fallback }
    guard let number = value.double, number > 0, number.isFinite else {
      throw wrong(key, expected: "a number above 0")
    }
    return number
  }

  /// The ε of a norm: positive, and still positive in single precision.
  func epsilon(_ key: String, default fallback: Double) throws -> Float {
    let number = Float(try positive(key, default: fallback))
    guard number > 0, number < 1 else { throw wrong(key, expected: "a small number above 0") }
    return number
  }

  /// A truth value.
  func flag(_ key: String, default fallback: Bool) throws -> Bool {
    guard let value = value(key) else { return fallback }
    guard let flag = value.bool else { throw wrong(key, expected: "true or false") }
    return flag
  }

  /// A text.
  func text(_ key: String, default fallback: String) throws -> String {
    guard let value = value(key) else { return fallback }
    guard let text = value.string else { throw wrong(key, expected: "a text") }
    return text
  }

  /// A token id below `count`; nil where the key is null, the default where it is absent.
  func token(_ key: String, default fallback: Int?, below count: Int) throws -> Int? {
    guard let value = object[key] else { return fallback.flatMap { $0 < count ? $0 : nil } }
    if value.isNull { return nil }
    guard let token = value.int, token >= 0, token < count else {
      throw wrong(key, expected: "a token id below \(count)")
    }
    return token
  }

  /// One token id or a list of them. Those that are not below `count` never come; transformers accepts them, so they
  /// are left out with a remark.
  func tokens(
    _ key: String, default fallback: [Int], below count: Int
  ) throws -> (ids: [Int], remarks: [String]) {
    guard let value = object[key] else { return (fallback.filter { $0 < count }, []) }
    if value.isNull { return ([], []) }
    let tokens = (value.array ?? [value]).map(\.int)
    var ids = [Int](), beyond = [Int]()
    for token in tokens {
      guard let token, token >= 0 else { throw wrong(key, expected: "token ids below \(count)") }
      if token >= count { beyond.append(token) } else if !ids.contains(token) { ids.append(token) }
    }
    let remarks = beyond.map {
      "\(source): \(path(key)) \($0) is beyond the vocabulary of \(count) tokens and never comes"
    }
    return (ids, remarks)
  }

  /// The MLP's activation under `key`.
  func activation(_ key: String) throws -> GELUKind {
    switch try text(key, default: "gelu_pytorch_tanh") {
    case "gelu_pytorch_tanh": return .tanhApproximation
    case "gelu": return .exact
    default: throw refused(key, because: "the activation is not supported", expected: "gelu_pytorch_tanh or gelu")
    }
  }

  /// Refuses a key that changes the computation unless its value is absent, null or one of `harmless`.
  func require(_ key: String, in harmless: [JSONValue], because reason: String) throws {
    guard let value = value(key), !harmless.contains(value) else { return }
    if let number = value.double, harmless.contains(where: { $0.double == number }) { return }
    throw refused(key, because: reason, expected: harmless.isEmpty ? "null" : describe(harmless))
  }

  /// Refuses null under keys that transformers gives a type without it.
  func requireNoNull(_ keys: [String]) throws {
    for key in keys where object[key]?.isNull == true {
      throw refused(key, because: "transformers refuses null there", expected: "a value, or no such key")
    }
  }

  /// The keys that are neither in `known` nor on the list of harmless ones, with their path.
  func unknownKeys(besides known: Set<String>) -> [String] {
    object.keys.filter { !known.contains($0) && !HarmlessConfigKeys.all.contains($0) }.map(path)
  }

  /// An error about the value of a key.
  func wrong(_ key: String, expected: String) -> CarinaError { node[key].failure(expected) }

  /// An error about a value that the engine does not compute.
  func refused(_ key: String, because reason: String, expected: String) -> CarinaError {
    let entry = node[key]
    return entry.failure(
      "\"\(entry.path)\" changes the computation in a way that is not supported: \(reason)", expected: expected)
  }

  private func describe(_ values: [JSONValue]) -> String {
    values.map(\.shown).joined(separator: " or ")
  }
}
