/// Many texts in one block of memory: a million questions without a million objects.
struct TextColumn: Equatable, Sendable {
  private var bytes: [UInt8]
  private var ends: [Int]

  /// Texts that lie in `bytes` one after the other, each up to its end.
  init(bytes: [UInt8] = [], ends: [Int] = []) { (self.bytes, self.ends) = (bytes, ends) }

  /// How many texts there are.
  var count: Int { ends.count }

  /// Adds a text given as UTF-8.
  mutating func append(_ text: UnsafeRawBufferPointer) {
    bytes.append(contentsOf: text)
    ends.append(bytes.count)
  }

  /// Adds all texts of another column.
  mutating func append(_ other: TextColumn) {
    let start = bytes.count
    bytes.append(contentsOf: other.bytes)
    ends.append(contentsOf: other.ends.map { $0 + start })
  }

  /// The text at an index.
  subscript(_ index: Int) -> String {
    String(decoding: bytes[(index == 0 ? 0 : ends[index - 1])..<ends[index]], as: UTF8.self)
  }
}
