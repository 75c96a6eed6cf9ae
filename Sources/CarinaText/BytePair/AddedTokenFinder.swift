/// Finds added tokens in a text: leftmost first, the longest at each offset.
struct AddedTokenFinder: Sendable {
  /// A part of a text: bytes for the model, or one added token.
  public enum Part: Equatable {
    case text(Range<Int>)
    case token(Int)
  }

  private var trie = ByteTrie()
  private var tokens: [AddedToken] = []

  /// A finder of these tokens, each spelled as `spelling` gives it.
  init(_ tokens: [AddedToken], spelling: (AddedToken) -> [UInt8]) {
    for token in tokens {
      let bytes = spelling(token)
      guard !bytes.isEmpty else { continue }
      trie.insert(bytes, value: self.tokens.count)
      self.tokens.append(token)
    }
  }

  /// The parts of a text in order. A token in `skipped` is passed over and stays text.
  func parts(of text: UnsafeBufferPointer<UInt8>, skipping skipped: Set<Int>) -> [Part] {
    var parts = [Part]()
    var textStart = 0
    var offset = 0
    while offset < text.count, !trie.isEmpty {
      guard let match = trie.longestMatch(text, from: offset) else {
        offset += 1
        continue
      }
      let token = tokens[match.value]
      var range = offset..<offset + match.length
      offset = range.upperBound
      if skipped.contains(token.id) || (token.isSingleWord && touchesWord(text, range)) { continue }
      if token.stripsLeft {
        range = max(textStart, spaceStart(text, before: range.lowerBound))..<range.upperBound
      }
      if token.stripsRight { range = range.lowerBound..<spaceEnd(text, after: range.upperBound) }
      if textStart < range.lowerBound { parts.append(.text(textStart..<range.lowerBound)) }
      parts.append(.token(token.id))
      textStart = range.upperBound
    }
    if textStart < text.count { parts.append(.text(textStart..<text.count)) }
    return parts
  }

  private func touchesWord(_ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Bool {
    let before = scalar(text, endingAt: range.lowerBound).map { isWordCharacter($0.scalar) } ?? false
    let after = scalar(text, startingAt: range.upperBound).map { isWordCharacter($0.scalar) } ?? false
    return before || after
  }

  private func spaceStart(_ text: UnsafeBufferPointer<UInt8>, before end: Int) -> Int {
    var start = end
    while let last = scalar(text, endingAt: start), last.scalar.properties.isWhitespace { start -= last.length }
    return start
  }

  private func spaceEnd(_ text: UnsafeBufferPointer<UInt8>, after start: Int) -> Int {
    var end = start
    while let next = scalar(text, startingAt: end), next.scalar.properties.isWhitespace { end += next.length }
    return end
  }

  private func scalar(
    _ text: UnsafeBufferPointer<UInt8>, startingAt offset: Int
  ) -> (scalar: Unicode.Scalar, length: Int)? {
    guard offset < text.count else { return nil }
    let end = min(text.count, offset + UTF8Characters.length(first: text[offset]))
    return String(decoding: text[offset..<end], as: UTF8.self).unicodeScalars.first.map { ($0, end - offset) }
  }

  private func scalar(
    _ text: UnsafeBufferPointer<UInt8>, endingAt offset: Int
  ) -> (scalar: Unicode.Scalar, length: Int)? {
    guard offset > 0 else { return nil }
    var start = offset - 1
    while start > 0, text[start] & 0xC0 == 0x80 { start -= 1 }
    return scalar(text, startingAt: start)
  }

  /// What `\w` means in Unicode Technical Standard 18, annex C.
  private func isWordCharacter(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.properties.isAlphabetic || scalar.properties.isJoinControl { return true }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: return true
    default: return false
    }
  }
}
