/// The pieces `<0x00>` to `<0xFF>`, which spell the bytes of what has no piece of its own.
enum BytePieces {
  /// The spelling of a byte.
  static func spelling(of byte: UInt8) -> String {
    let digits = String(byte, radix: 16, uppercase: true)
    return "<0x" + (byte < 16 ? "0" : "") + digits + ">"
  }

  /// The byte that a piece spells; nil when it is an ordinary piece.
  static func value(of piece: [UInt8]) -> UInt8? {
    guard piece.count == 6, piece.starts(with: [0x3C, 0x30, 0x78]), piece[5] == 0x3E else { return nil }
    func digit(_ byte: UInt8) -> UInt8? {
      switch byte {
      case 0x30...0x39: byte - 0x30
      case 0x41...0x46: byte - 0x41 + 10
      case 0x61...0x66: byte - 0x61 + 10
      default: nil
      }
    }
    guard let high = digit(piece[3]), let low = digit(piece[4]) else { return nil }
    return high << 4 | low
  }
}
