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
    var place = text.startIndex
    while place < text.endIndex {
      if text[place] == pattern[0], ByteReplacement.occurs(pattern, in: text, at: place) {
        result.append(contentsOf: content)
        place += pattern.count
      } else {
        result.append(text[place])
        place += 1
      }
    }
    return result
  }

  /// Whether `pattern` stands in `text` at `place`.
  static func occurs<Bytes: RandomAccessCollection>(_ pattern: [UInt8], in text: Bytes, at place: Int) -> Bool
  where Bytes.Element == UInt8, Bytes.Index == Int {
    guard place + pattern.count <= text.endIndex else { return false }
    for index in 0..<pattern.count where text[place + index] != pattern[index] { return false }
    return true
  }
}
