import CarinaRuntime

/// The decoder of a `tokenizer.json`: how pieces become text again.
struct PieceDecoder: Sendable {
  private var replacements: [ByteReplacement] = []
  private var fallsBackToBytes = false

  /// Reads the description: a sequence of `Replace`, `ByteFallback` and `Fuse` in that order.
  /// - Throws: `CarinaError.badData` naming a kind or an order that is not supported.
  init(_ description: JSONValue?, source: String) throws {
    let steps: [JSONValue]
    if description?["type"]?.string == "Sequence" {
      steps = description?["decoders"]?.array ?? []
    } else {
      steps = [description ?? .null]
    }
    var isFused = false
    for step in steps {
      let type = step["type"]?.string
      switch type {
      case "Replace" where !fallsBackToBytes && !isFused:
        replacements.append(try ByteReplacement(step, source: "\(source), decoder"))
      case "ByteFallback" where !isFused: fallsBackToBytes = true
      case "Fuse": isFused = true
      default:
        throw CarinaError(
          .badData, "the decoder \"\(type ?? "null")\" is not supported here", at: source,
          expected: "a Sequence of Replace, ByteFallback and Fuse in this order")
      }
    }
    // Without Fuse the reference joins the strings of the last step, which is the same for these steps.
  }

  /// What the bytes of a piece add to a text.
  func surface(of piece: ArraySlice<UInt8>) -> PieceSurface {
    let bytes = replacements.reduce(Array(piece)) { $1.apply(to: $0) }
    if fallsBackToBytes, let byte = BytePieces.value(of: bytes) { return .byte(byte) }
    return .text(String(decoding: bytes, as: UTF8.self))
  }
}

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
