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
      steps =
        try JSONNode(description, source: source, keys: ["decoder"], wording: .configuration)["decoders"]
        .elements().compactMap(\.value)
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
