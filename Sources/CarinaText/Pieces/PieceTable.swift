import CarinaRuntime

/// Pieces and their ids, both ways: all spellings in one block of bytes, a hash table over them.
///
/// Made for vocabularies of some hundred thousand pieces: filling it costs no allocation a piece.
struct PieceTable: Sendable {
  /// Why a piece was not taken.
  enum Conflict: Equatable {
    case piece(id: Int)
    case id(piece: String)
    case encoding
  }

  private var arena: [UInt8] = []
  private var starts: [Int32] = []
  private var lengths: [Int32] = []
  private var slots: [Int32]
  /// How many pieces there are.
  private(set) var count = 0

  /// An empty table with room for some pieces; it grows.
  init(capacity: Int = 0) {
    var size = 64
    while size < capacity * 2 { size *= 2 }
    slots = [Int32](repeating: -1, count: size)
  }

  /// The highest id plus one.
  var idLimit: Int { starts.count }

  /// Adds a piece; says why when it cannot (then nothing changed). `id` must be in 0..<2^31.
  mutating func insert(_ bytes: UnsafeBufferPointer<UInt8>, id: Int) -> Conflict? {
    if let other = self.id(of: bytes) { return .piece(id: other) }
    if id < starts.count, starts[id] >= 0 { return .id(piece: piece(of: id) ?? "") }
    if bytes.contains(where: { $0 >= 0x80 }), String(validating: bytes, as: UTF8.self) == nil { return .encoding }
    while id >= starts.count {
      starts.append(-1)
      lengths.append(0)
    }
    starts[id] = Int32(arena.count)
    lengths[id] = Int32(bytes.count)
    arena.append(contentsOf: bytes)
    count += 1
    if count * 2 > slots.count { rehash() } else { enter(id, hash: PieceTable.hash(bytes)) }
    return nil
  }

  /// Adds a piece given as text.
  mutating func insert(_ piece: String, id: Int) -> Conflict? {
    var piece = piece
    return piece.withUTF8 { insert($0, id: id) }
  }

  /// The id of the piece with these bytes.
  @inline(__always)
  func id(of bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    let mask = slots.count - 1
    var slot = PieceTable.hash(bytes) & mask
    while true {
      let id = Int(slots[slot])
      if id < 0 { return nil }
      if Int(lengths[id]) == bytes.count, matches(bytes, at: Int(starts[id])) { return id }
      slot = (slot + 1) & mask
    }
  }

  /// The id of a piece given as text.
  func id(of piece: String) -> Int? {
    var piece = piece
    return piece.withUTF8 { id(of: $0) }
  }

  /// The spelling of an id.
  func piece(of id: Int) -> String? {
    bytes(of: id).map { String(decoding: $0, as: UTF8.self) }
  }

  /// The bytes of the spelling of an id.
  func bytes(of id: Int) -> ArraySlice<UInt8>? {
    guard id >= 0, id < starts.count, starts[id] >= 0 else { return nil }
    let start = Int(starts[id])
    return arena[start..<start + Int(lengths[id])]
  }

  @inline(__always)
  private func matches(_ bytes: UnsafeBufferPointer<UInt8>, at start: Int) -> Bool {
    arena.withUnsafeBufferPointer { arena in
      for index in 0..<bytes.count where arena[start + index] != bytes[index] { return false }
      return true
    }
  }

  private mutating func enter(_ id: Int, hash: Int) {
    let mask = slots.count - 1
    var slot = hash & mask
    while slots[slot] >= 0 { slot = (slot + 1) & mask }
    slots[slot] = Int32(id)
  }

  private mutating func rehash() {
    slots = [Int32](repeating: -1, count: slots.count * 2)
    for id in 0..<starts.count where starts[id] >= 0 {
      let start = Int(starts[id])
      let hash = arena.withUnsafeBufferPointer {
        PieceTable.hash(UnsafeBufferPointer(rebasing: $0[start..<start + Int(lengths[id])]))
      }
      enter(id, hash: hash)
    }
  }

  @inline(__always)
  private static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    return Int(truncatingIfNeeded: (hash ^ (hash >> 29)) & 0x7fff_ffff_ffff_ffff)
  }
}

/// Bounds that keep a broken file from filling the memory.
enum PieceLimits {
  /// Ids must be below this.
  static let idLimit = 1 << 24

  /// Refuses a file that is too large for the tables' 32-bit offsets.
  static func check(_ byteCount: Int, source: String) throws {
    guard byteCount < 1 << 30 else {
      throw CarinaError(.badData, "too large for a tokenizer", at: source, expected: "less than 1 GiB")
    }
  }
}
