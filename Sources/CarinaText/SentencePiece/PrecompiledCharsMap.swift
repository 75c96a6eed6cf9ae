import CarinaRuntime

/// The character map of a SentencePiece normaliser: a double-array trie (Aoe 1989, in the unit layout of Darts-clone)
/// from texts to offsets in a block of zero-terminated replacements.
struct PrecompiledCharsMap: Sendable {
  private let units: [UInt32]
  private let replacements: [UInt8]

  /// Reads the blob: the trie's size in bytes (32 bits, little-endian), the trie, the replacements.
  /// - Throws: `CarinaError.badData` when the sizes do not fit.
  init(_ blob: [UInt8], source: String) throws {
    func word(_ index: Int) -> UInt32 {
      UInt32(blob[index]) | UInt32(blob[index + 1]) << 8 | UInt32(blob[index + 2]) << 16 | UInt32(blob[index + 3]) << 24
    }
    let trieBytes = blob.count >= 4 ? Int(word(0)) : 0
    guard trieBytes >= 4, trieBytes % 4 == 0, 4 + trieBytes < blob.count else {
      throw CarinaError(
        .badData, "the precompiled character map is broken", at: source,
        expected: "a trie within \(blob.count) bytes", found: "a trie of \(trieBytes) bytes")
    }
    units = (0..<trieBytes / 4).map { word(4 + 4 * $0) }
    replacements = Array(blob[(4 + trieBytes)...])
  }

  /// The longest text that begins at `start` and has a replacement: its length and the replacement's range.
  func longestMatch(_ text: UnsafeBufferPointer<UInt8>, from start: Int) -> (length: Int, replacement: Range<Int>)? {
    var found: (length: Int, offset: Int)?
    var node = offset(units[0])
    for index in start..<text.count {
      node ^= Int(text[index])
      guard node < units.count else { break }
      let unit = units[node]
      // Bit 31 marks a leaf, so a leaf never looks like the label of a byte.
      guard unit & 0x8000_00FF == UInt32(text[index]) else { break }
      node ^= offset(unit)
      if unit & 0x100 != 0, node < units.count {
        found = (length: index + 1 - start, offset: Int(units[node] & 0x7FFF_FFFF))
      }
    }
    guard let found, found.offset < replacements.count else { return nil }
    let end = replacements[found.offset...].firstIndex(of: 0) ?? replacements.count
    return (length: found.length, replacement: found.offset..<end)
  }

  /// The bytes of a replacement.
  func replacement(_ range: Range<Int>) -> ArraySlice<UInt8> { replacements[range] }

  private func offset(_ unit: UInt32) -> Int { Int((unit >> 10) << ((unit & 0x200) >> 6)) }
}
