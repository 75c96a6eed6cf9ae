/// A text that equals another only when their UTF-8 bytes do (`String` equates canonically equivalent spellings).
///
/// Whatever names a thing in foreign data (an image, a patient, an id, a question, a column, a tensor) is compared
/// so. The order is that of the bytes, which is that of the code points: Python's order of `str`.
public struct ExactText: Hashable, Comparable, Sendable {
  /// The text itself.
  public let text: String

  /// The text under exact comparison.
  public init(_ text: String) { self.text = text }

  /// Whether the bytes are equal.
  public static func == (left: ExactText, right: ExactText) -> Bool {
    let (left, right) = (left.text.utf8, right.text.utf8)
    guard left.count == right.count else { return false }
    let isEqual = left.withContiguousStorageIfAvailable { own in
      right.withContiguousStorageIfAvailable { own.elementsEqual($0) }
    }
    return (isEqual ?? nil) ?? left.elementsEqual(right)
  }

  /// Whether the bytes come first.
  public static func < (left: ExactText, right: ExactText) -> Bool {
    left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
  }

  /// Feeds the bytes to a hasher.
  public func hash(into hasher: inout Hasher) {
    let combined: Void? = text.utf8.withContiguousStorageIfAvailable {
      hasher.combine(bytes: UnsafeRawBufferPointer($0))
    }
    if combined == nil { for byte in text.utf8 { hasher.combine(byte) } }
  }
}

extension ExactText: ExpressibleByStringLiteral, CustomStringConvertible {
  /// A text in quotes.
  public init(stringLiteral value: String) { self.init(value) }
  /// The text itself.
  public var description: String { text }
}

extension String {
  /// The text under exact comparison.
  package var exact: ExactText { ExactText(self) }

  /// Whether both texts have the same bytes; `==` calls canonically equivalent spellings equal.
  package func isExactly(_ other: String) -> Bool { ExactText(self) == ExactText(other) }
}

extension Sequence<String> {
  /// The texts in the order of their bytes.
  package func sortedExactly() -> [String] { sorted { ExactText($0) < ExactText($1) } }
}
