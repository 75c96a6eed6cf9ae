/// Text operations with the exact meaning they have in Python, where the reference scorers are written.
enum PythonText {
  /// What `str.isspace` calls white: Unicode's White_Space and the four ASCII separators.
  static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.value < 128 { return (9...13).contains(scalar.value) || (28...32).contains(scalar.value) }
    return scalar.properties.isWhitespace
  }

  /// What `\d` matches in a `str` pattern: every decimal digit of Unicode.
  static func isDigit(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.value < 128 { return (48...57).contains(scalar.value) }
    return scalar.properties.generalCategory == .decimalNumber
  }

  /// `str.split()`: the runs between white space, none of them empty.
  static func words(_ text: String) -> [String] {
    var words: [String] = []
    var word = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if !isSpace(scalar) {
        word.append(scalar)
      } else if !word.isEmpty {
        words.append(String(word))
        word = .init()
      }
    }
    if !word.isEmpty { words.append(String(word)) }
    return words
  }

  /// `str.split(" ")`: the pieces between single spaces, empty ones too; an empty text is one empty piece.
  static func pieces(_ text: String) -> [String] {
    text.utf8.split(separator: 32, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
  }

  /// `str.replace` over scalars, without the canonical equivalence that Swift's own search applies.
  static func replacing(_ pattern: String, with replacement: String, in text: String) -> String {
    let pattern = Array(pattern.utf8)
    let replacement = Array(replacement.utf8)
    let text = Array(text.utf8)
    guard !pattern.isEmpty, text.count >= pattern.count else { return String(decoding: text, as: UTF8.self) }
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var i = 0
    while i < text.count {
      if text[i] == pattern[0], i + pattern.count <= text.count, text[i..<i + pattern.count].elementsEqual(pattern) {
        result.append(contentsOf: replacement)
        i += pattern.count
      } else {
        result.append(text[i])
        i += 1
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// `pattern in text` over scalars.
  static func contains(_ pattern: String, in text: String) -> Bool {
    let pattern = Array(pattern.utf8)
    guard let first = pattern.first else { return true }
    let text = Array(text.utf8)
    guard text.count >= pattern.count else { return false }
    return (0...text.count - pattern.count).contains { i in
      text[i] == first && text[i..<i + pattern.count].elementsEqual(pattern)
    }
  }
}
