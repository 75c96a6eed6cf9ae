/// The byte pair side of SentencePiece: neighbours whose joined text is a piece are joined, best score first.
struct SentencePieceMerger {
  let model: SentencePieceModel
  /// Texts that stay whole and are never joined with a neighbour.
  let protected: ByteTrie
  let isForbidden: (Int) -> Bool

  private struct Symbol {
    var start: Int32
    var length: Int32
    var previous: Int32
    var next: Int32
    let isFrozen: Bool
  }

  /// A pair that may be joined; `order` is smaller for a better score, then for a pair further left.
  private struct Candidate: Comparable {
    let order: UInt64
    let right: Int32
    let length: Int32

    static func < (left: Candidate, right: Candidate) -> Bool { left.order < right.order }
  }

  /// The piece ids of a normalised text with the byte range of each; -1 for what is no piece.
  func apply(to text: UnsafeBufferPointer<UInt8>) -> [(range: Range<Int>, id: Int)] {
    var symbols = characters(of: text)
    var agenda = BinaryHeap<Candidate>()
    var halves = [Range<Int>: Int]()

    func consider(_ left: Int32, _ right: Int32) {
      guard left >= 0, right >= 0, !symbols[Int(left)].isFrozen, !symbols[Int(right)].isFrozen else { return }
      let start = Int(symbols[Int(left)].start)
      let length = symbols[Int(left)].length + symbols[Int(right)].length
      guard let id = piece(text, start..<start + Int(length)) else { return }
      agenda.push(Candidate(order: order(model.scores[id], left), right: right, length: length))
      if model.kinds[id] == .unused { halves[start..<start + Int(length)] = Int(symbols[Int(right)].start) }
    }

    for index in symbols.indices.dropFirst() { consider(Int32(index - 1), Int32(index)) }
    while let top = agenda.pop() {
      let leftIndex = Int32(truncatingIfNeeded: top.order & 0xFFFF_FFFF)
      let left = symbols[Int(leftIndex)]
      let right = symbols[Int(top.right)]
      guard left.length > 0, right.length > 0, left.length + right.length == top.length else { continue }
      symbols[Int(leftIndex)].length = top.length
      symbols[Int(leftIndex)].next = right.next
      if right.next >= 0 { symbols[Int(right.next)].previous = leftIndex }
      symbols[Int(top.right)].length = 0
      consider(left.previous, leftIndex)
      consider(leftIndex, right.next)
    }

    var result = [(range: Range<Int>, id: Int)]()
    var index = symbols.isEmpty ? -1 : Int32(0)
    while index >= 0 {
      let symbol = symbols[Int(index)]
      let start = Int(symbol.start)
      emit(text, start..<start + Int(symbol.length), halves, into: &result)
      index = symbol.next
    }
    return result
  }

  /// Writes a symbol; one that is an unused piece is taken apart again into what it was joined from.
  private func emit(
    _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ halves: [Range<Int>: Int],
    into result: inout [(range: Range<Int>, id: Int)]
  ) {
    let id = piece(text, range)
    if let id, model.kinds[id] == .unused, let middle = halves[range] {
      emit(text, range.lowerBound..<middle, halves, into: &result)
      emit(text, middle..<range.upperBound, halves, into: &result)
    } else {
      result.append((range, id ?? -1))
    }
  }

  private func characters(of text: UnsafeBufferPointer<UInt8>) -> [Symbol] {
    var symbols = [Symbol]()
    symbols.reserveCapacity(text.count)
    var offset = 0
    while offset < text.count {
      let match = protected.isEmpty ? nil : protected.longestMatch(text, from: offset)
      let length = match?.length ?? min(text.count - offset, UTF8Characters.length(first: text[offset]))
      let index = Int32(symbols.count)
      symbols.append(
        Symbol(
          start: Int32(offset), length: Int32(length), previous: index - 1, next: index + 1, isFrozen: match != nil))
      offset += length
    }
    if !symbols.isEmpty { symbols[symbols.count - 1].next = -1 }
    return symbols
  }

  /// The id of a range if it is a piece that text can be made of.
  private func piece(_ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Int? {
    guard let id = model.pieces.id(of: UnsafeBufferPointer(rebasing: text[range])) else { return nil }
    switch model.kinds[id] {
    case .normal, .userDefined, .unused: return isForbidden(id) ? nil : id
    case .unknown, .control, .byte: return nil
    }
  }

  private func order(_ score: Float, _ left: Int32) -> UInt64 {
    // Adding zero turns -0 into 0, which compare equal but differ in their bits.
    let bits = (-score + 0).bitPattern
    let ascending = bits & 0x8000_0000 == 0 ? bits | 0x8000_0000 : ~bits
    return UInt64(ascending) << 32 | UInt64(UInt32(bitPattern: left))
  }
}
