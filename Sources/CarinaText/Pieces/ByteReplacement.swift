import CarinaRuntime

/// A literal text that is replaced by another wherever it occurs, from left to right.
struct ByteReplacement: Equatable, Sendable {
  let pattern: [UInt8]
  let content: [UInt8]

  /// `pattern` must not be empty.
  init(pattern: [UInt8], content: [UInt8]) {
    precondition(!pattern.isEmpty)
    self.pattern = pattern
    self.content = content
  }

  /// The text with every occurrence replaced.
  func apply<Bytes: RandomAccessCollection>(to text: Bytes) -> [UInt8]
  where Bytes.Element == UInt8, Bytes.Index == Int {
    var result = [UInt8]()
    result.reserveCapacity(text.count + text.count / 2)
    var offset = text.startIndex
    while offset < text.endIndex {
      if text[offset] == pattern[0], ByteReplacement.occurs(pattern, in: text, at: offset) {
        result.append(contentsOf: content)
        offset += pattern.count
      } else {
        result.append(text[offset])
        offset += 1
      }
    }
    return result
  }

  /// Whether `pattern` stands in `text` at `offset`.
  static func occurs<Bytes: RandomAccessCollection>(_ pattern: [UInt8], in text: Bytes, at offset: Int) -> Bool
  where Bytes.Element == UInt8, Bytes.Index == Int {
    guard offset + pattern.count <= text.endIndex else { return false }
    for index in 0..<pattern.count where text[offset + index] != pattern[index] { return false }
    return true
  }
}

extension ByteReplacement {
  /// Reads a `Replace` step: a literal pattern and its content.
  /// - Throws: `CarinaError.badData` for a regular expression or an empty pattern.
  init(_ description: JSONValue, source: String) throws {
    guard let pattern = description["pattern"]?["String"]?.string, !pattern.isEmpty,
      let content = description["content"]?.string
    else {
      throw CarinaError(
        .badData, "a Replace step is supported with a literal pattern only", at: source,
        expected: "\"pattern\": {\"String\": …} that is not empty, and \"content\"",
        found: description["pattern"]?.shown)
    }
    self.init(pattern: Array(pattern.utf8), content: Array(content.utf8))
  }
}
