/// A value at a path of a document, read with errors that name the file and the path.
///
///     let root = JSONNode(try .parseFile(path), source: path)
///     let seed = try root["bootstrap"]["seed"].text()
package struct JSONNode {
  /// How an error names a path and what it found there.
  package struct Wording: Sendable {
    let separator: String, before: String, after: String
    /// Whether the value itself is shown, and not only its kind.
    let showsValue: Bool

    /// `"parts.projector" is missing or cannot be used`, with the value found: files that the engine itself writes.
    package static let ownFile = Wording(
      separator: ".", before: "\"", after: "\" is missing or cannot be used", showsValue: true)
    /// `the key "metrics/f1" is not as it should be`, with the kind of value found: files of results.
    package static let results = Wording(
      separator: "/", before: "the key \"", after: "\" is not as it should be", showsValue: false)
    /// `"vision_config.hidden_size" has a value that cannot be`, with the value found: configurations of models.
    package static let configuration = Wording(
      separator: ".", before: "\"", after: "\" has a value that cannot be", showsValue: true)
  }

  /// What stands here; nil where nothing does.
  package let value: JSONValue?
  /// The file, for errors.
  package let source: String
  /// The names on the path from the root.
  package let keys: [String]
  private let wording: Wording
  private let remedy: String?

  /// A value of a file at a path.
  /// - Parameter remedy: what the reader of an error can do about this kind of file.
  package init(
    _ value: JSONValue?, source: String, keys: [String] = [], wording: Wording = .ownFile, remedy: String? = nil
  ) {
    self.value = value
    self.source = source
    self.keys = keys
    self.wording = wording
    self.remedy = remedy
  }

  /// What stands under a name.
  package subscript(_ key: String) -> JSONNode {
    JSONNode(value?[key], source: source, keys: keys + [key], wording: wording, remedy: remedy)
  }

  /// Itself if something else than null stands here.
  package var optional: JSONNode? { value?.isNull ?? true ? nil : self }

  /// Itself, or an empty object where nothing or null stands.
  package var orEmpty: JSONNode {
    optional ?? JSONNode(.object(JSONObject()), source: source, keys: keys, wording: wording, remedy: remedy)
  }

  /// The path in words.
  package var path: String { keys.joined(separator: wording.separator) }

  /// What `read` makes of the value; nil from it is an error.
  /// - Parameter expected: what was expected, for the error.
  /// - Throws: `CarinaError.badData` naming file and path.
  package func read<Value>(_ expected: String, _ read: (JSONValue) throws -> Value?) throws -> Value {
    guard let value, let result = try read(value) else { throw failure(expected) }
    return result
  }

  /// A number, integer or not.
  /// - Throws: as `read`.
  package func number() throws -> Double { try read("a number", \.double) }

  /// A whole number of at least `least`.
  /// - Throws: as `read`.
  package func count(from least: Int = 0, expected: String? = nil) throws -> Int {
    try read(expected ?? "a whole number from \(least)") { value in value.int.flatMap { $0 >= least ? $0 : nil } }
  }

  /// A whole number within a range.
  /// - Throws: as `read`.
  package func count(in range: ClosedRange<Int>) throws -> Int {
    try read("a whole number from \(range.lowerBound) to \(range.upperBound)") { value in
      value.int.flatMap { range.contains($0) ? $0 : nil }
    }
  }

  /// A text.
  /// - Throws: as `read`.
  package func text() throws -> String { try read("a text", \.string) }

  /// A truth value.
  /// - Throws: as `read`.
  package func flag() throws -> Bool { try read("true or false", \.bool) }

  /// The elements of a list.
  /// - Throws: as `read`.
  package func elements() throws -> [JSONNode] {
    try read("a list", \.array).enumerated().map { number, element in
      JSONNode(element, source: source, keys: keys + ["\(number)"], wording: wording, remedy: remedy)
    }
  }

  /// The names and values of an object.
  /// - Throws: as `read`.
  package func object() throws -> JSONObject { try read("an object", \.object) }

  /// The entries of an object; none where nothing stands.
  /// - Throws: as `read` for something else than an object.
  package func entries() throws -> [ExactText: JSONNode] {
    guard let node = optional else { return [:] }
    return try node.object().reduce(into: [:]) { $0[ExactText($1.key)] = self[$1.key] }
  }

  /// An error about what stands here, in the words of the kind of file.
  package func failure(_ expected: String) -> CarinaError {
    failure(wording.before + path + wording.after, expected: expected)
  }

  /// An error in other words, with what was found.
  package func failure(_ what: String, expected: String?) -> CarinaError {
    CarinaError(.badData, what, at: source, expected: expected, found: found, remedy: remedy)
  }

  private var found: String {
    guard let value else { return "nothing" }
    guard wording.showsValue else { return value.kindName }
    let text = value.shown
    return text.count > 80 ? text.prefix(77) + "..." : text
  }
}
