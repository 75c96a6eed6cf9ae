/// What a file is by its first bytes that is no image that can be read here, whatever its name ends in.
enum ForeignImageFormat {
  /// The format in words; nil where nobody here knows it.
  static func name(_ bytes: [UInt8]) -> String? {
    known.first { entry in
      entry.parts.allSatisfy { bytes.count > $0.offset && bytes[$0.offset...].starts(with: $0.bytes) }
    }?.name
  }

  private struct Part {
    let offset: Int
    let bytes: [UInt8]

    init(_ text: String, at offset: Int = 0) { (self.offset, bytes) = (offset, Array(text.utf8)) }

    init(_ bytes: [UInt8]) { (offset, self.bytes) = (0, bytes) }
  }

  private static let known: [(name: String, parts: [Part])] = [
    ("WebP", [Part("RIFF"), Part("WEBP", at: 8)]), ("GIF", [Part("GIF8")]), ("BMP", [Part("BM")]),
    ("TIFF", [Part([0x49, 0x49, 0x2A, 0])]), ("TIFF", [Part([0x4D, 0x4D, 0, 0x2A])]),
    ("JPEG 2000", [Part([0, 0, 0, 0x0C, 0x6A, 0x50, 0x20, 0x20])]), ("JPEG 2000", [Part([0xFF, 0x4F, 0xFF, 0x51])]),
    ("AVIF", [Part("ftypavif", at: 4)]), ("HEIF (of a telephone)", [Part("ftyphei", at: 4)]),
    ("HEIF (of a telephone)", [Part("ftypmif1", at: 4)]), ("JPEG XL", [Part([0xFF, 0x0A])]),
    ("JPEG XL", [Part([0, 0, 0, 0x0C, 0x4A, 0x58, 0x4C, 0x20])]), ("PDF", [Part("%PDF")]),
    ("PGM or PPM", [Part("P5")]), ("PGM or PPM", [Part("P6")]), ("an array of NumPy", [Part([0x93] + "NUMPY".utf8)]),
    ("gzip", [Part([0x1F, 0x8B])]), ("a ZIP archive", [Part([0x50, 0x4B, 3, 4])]),
    ("a companion file of macOS (AppleDouble)", [Part([0, 5, 0x16, 7])]), ("NIfTI", [Part("n+1", at: 344)]),
    ("a web page", [Part("<!DOCTYPE html")]), ("a web page", [Part("<!doctype html")]), ("a web page", [Part("<html")]),
    ("XML", [Part("<?xml")]), ("SVG", [Part("<svg")]), ("zeros alone", [Part([UInt8](repeating: 0, count: 1024))]),
  ]
}
