import CImageCodecs
import CarinaRuntime
import Foundation

/// Pictures of 8 bits as PNG.
public enum PNGEncoder {
  /// Encodes `side × side` grey values, row after row.
  /// - Throws: `CarinaError.internalFailure` when the library refuses.
  public static func encode(_ pixels: [UInt8], side: Int) throws -> Data {
    try encode(pixels, width: side, height: side)
  }

  /// Encodes an image as it is stored, colour as colour.
  /// - Throws: `CarinaError.internalFailure` when the library refuses.
  package static func encode(_ pixels: ImagePixels) throws -> Data {
    try encode(pixels.values, width: pixels.size, height: pixels.size, channels: pixels.channels)
  }

  /// Encodes `width × height` pixels, row after row, with 1 channel (grey) or 3 interleaved (red, green, blue).
  /// - Throws: `CarinaError.internalFailure` when the library refuses.
  package static func encode(_ pixels: [UInt8], width: Int, height: Int, channels: Int = 1) throws -> Data {
    precondition(channels == 1 || channels == 3)
    precondition(width > 0 && height > 0 && pixels.count == width * height * channels)
    var bytes: UnsafeMutablePointer<UInt8>?
    var count = 0
    var message = [CChar](repeating: 0, count: 200)
    let status = carina_png_write(
      pixels, Int32(width), Int32(height), Int32(channels), &bytes, &count, &message, message.count)
    defer { carina_png_free(bytes) }
    guard status == 0, let bytes else {
      let text = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      throw CarinaError(.internalFailure, "a picture cannot be encoded as PNG: \(text)")
    }
    return Data(bytes: bytes, count: count)
  }

  /// Width, height and channels (1 grey, 3 colour) of a picture that `encode` made, from its header.
  package static func size(of png: Data) -> (width: Int, height: Int, channels: Int) {
    let bytes = [UInt8](png.prefix(26))
    precondition(bytes.count == 26, "a PNG file without a header")
    func number(_ offset: Int) -> Int { bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) } }
    return (number(16), number(20), bytes[25] == 0 ? 1 : 3)
  }
}
