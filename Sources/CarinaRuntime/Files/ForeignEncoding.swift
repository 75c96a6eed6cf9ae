/// What the first bytes of a file say it is instead of text in UTF-8.
package enum ForeignEncoding {
  /// An error naming the encoding or the kind of archive; nil where the bytes may be UTF-8.
  /// - Parameters:
  ///   - start: the first four bytes of the file, or all where there are fewer.
  ///   - source: names the file.
  package static func refusal(_ start: some Collection<UInt8>, source: String) -> CarinaError? {
    // Every line of a file passes here, and nearly all begin so.
    if start.first == UInt8(ascii: "{"), start.dropFirst().first ?? 0 >= 0x20 { return nil }
    let start = Array(start.prefix(4))
    if let name = encoding(start) {
      return CarinaError(
        .badData, "is not UTF-8", at: source, expected: "text in UTF-8", found: name, remedy: "Save it as UTF-8.")
    }
    if let name = archives.first(where: { start.starts(with: $0.start) })?.name {
      return CarinaError(
        .badData, "is compressed in a way that is not read", at: source, expected: "text, or text compressed by gzip",
        found: name, remedy: "Unpack it, or compress it with gzip.")
    }
    return nil
  }

  private static let archives: [(start: [UInt8], name: String)] = [
    ([0x50, 0x4B, 0x03, 0x04], "a ZIP archive (or a table of Excel)"), ([0x28, 0xB5, 0x2F, 0xFD], "Zstandard"),
    ([0xFD, 0x37, 0x7A, 0x58], "xz"), ([0x42, 0x5A, 0x68], "bzip2"),
  ]

  /// By the byte order mark, or by where the zeros of an ASCII character lie, as Python's `json.detect_encoding` does.
  private static func encoding(_ start: [UInt8]) -> String? {
    guard start.count >= 2 else { return nil }
    let (first, second) = (start[0], start[1])
    let (third, fourth) = start.count == 4 ? (start[2], start[3]) : (1, 1)
    switch (first, second, third, fourth) {
    case (0xFF, 0xFE, 0, 0): return "UTF-32, little end first"
    case (0, 0, 0xFE, 0xFF): return "UTF-32, big end first"
    case (0xFF, 0xFE, _, _): return "UTF-16, little end first"
    case (0xFE, 0xFF, _, _): return "UTF-16, big end first"
    case (1..., 0, 0, 0): return "UTF-32, little end first"
    case (0, 0, 0, 1...): return "UTF-32, big end first"
    case (1..., 0, 1..., _), (1..., 0, _, 1...): return "UTF-16, little end first"
    case (0, 1..., _, _): return "UTF-16, big end first"
    default: return nil
    }
  }
}
