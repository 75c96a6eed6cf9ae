/// The normaliser of SentencePiece: the character map, spaces made visible, doubled and outer ones removed.
struct SentencePieceNormalizer: Sendable {
  let charsMap: PrecompiledCharsMap?
  let addsDummyPrefix: Bool
  let removesExtraSpaces: Bool
  let escapesSpaces: Bool

  /// The text as the model cuts it. Where a text of `protected` begins, it is taken over as it is.
  func apply(_ text: UnsafeBufferPointer<UInt8>, protecting protected: ByteTrie) -> [UInt8] {
    let space = escapesSpaces ? UTF8Characters.visibleSpace : [0x20]
    var output = [UInt8]()
    output.reserveCapacity(text.count + text.count / 2 + space.count)
    var offset = 0
    if removesExtraSpaces {
      while offset < text.count {
        let length = withPrefix(text, offset, protected) { $0.elementsEqual([0x20]) ? $1 : 0 }
        if length == 0 { break }
        offset += length
      }
    }
    guard offset < text.count else { return [] }
    if addsDummyPrefix { output.append(contentsOf: space) }
    var followsSpace = removesExtraSpaces
    while offset < text.count {
      offset += withPrefix(text, offset, protected) { prefix, length in
        var prefix = prefix
        while followsSpace, prefix.first == 0x20 { prefix = prefix.dropFirst() }
        for byte in prefix {
          if byte == 0x20 { output.append(contentsOf: space) } else { output.append(byte) }
        }
        if let last = prefix.last { followsSpace = removesExtraSpaces && last == 0x20 }
        return length
      }
    }
    if removesExtraSpaces {
      while output.count >= space.count, output.suffix(space.count).elementsEqual(space) {
        output.removeLast(space.count)
      }
    }
    return output
  }

  /// Hands what the text at `offset` becomes, and how many bytes that takes from it, to `body`.
  private func withPrefix<Result>(
    _ text: UnsafeBufferPointer<UInt8>, _ offset: Int, _ protected: ByteTrie,
    _ body: (ArraySlice<UInt8>, Int) -> Result
  ) -> Result {
    if !protected.isEmpty, let match = protected.longestMatch(text, from: offset) {
      return body(ArraySlice(text[offset..<offset + match.length]), match.length)
    }
    if let charsMap, let match = charsMap.longestMatch(text, from: offset) {
      return body(charsMap.replacement(match.replacement), match.length)
    }
    let end = min(text.count, offset + UTF8Characters.length(first: text[offset]))
    return body(ArraySlice(text[offset..<end]), end - offset)
  }
}
