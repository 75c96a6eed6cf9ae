import CImageCodecs
import Foundation

/// Grey 8-bit pictures as PNG.
public enum PhantomPNG {
  /// Encodes `side × side` grey values, row after row.
  /// - Throws: `CarinaError.internalFailure` when the library refuses.
  public static func encode(_ pixels: [UInt8], side: Int) throws -> Data {
    try encode(pixels, width: side, height: side)
  }

  /// Encodes `width × height` grey values, row after row.
  /// - Throws: `CarinaError.internalFailure` when the library refuses.
  public static func encode(_ pixels: [UInt8], width: Int, height: Int) throws -> Data {
    precondition(width > 0 && height > 0 && pixels.count == width * height)
    var bytes: UnsafeMutablePointer<UInt8>?
    var count = 0
    var message = [CChar](repeating: 0, count: 200)
    let status = carina_png_write_grey(pixels, Int32(width), Int32(height), &bytes, &count, &message, message.count)
    defer { carina_png_free(bytes) }
    guard status == 0, let bytes else {
      let text = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      throw CarinaError(.internalFailure, "a picture cannot be encoded as PNG: \(text)")
    }
    return Data(bytes: bytes, count: count)
  }
}
