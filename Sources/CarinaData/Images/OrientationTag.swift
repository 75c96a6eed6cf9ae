/// The orientation tag that a camera or viewer may leave in a JPEG or PNG (Exif 2.32, tag 274). Pixels are taken as
/// they are stored, as Pillow does; the tag is reported.
package enum OrientationTag {
  /// 1 is upright, 2...8 are the mirrored and turned ones; nil where the file names none that is known.
  package static func read(_ bytes: [UInt8]) -> Int? {
    if bytes.starts(with: [0xff, 0xd8]) { return inJPEG(bytes) }
    if bytes.starts(with: [0x89, 0x50, 0x4e, 0x47]) { return inPNG(bytes) }
    return nil
  }

  /// The first Exif segment before the picture.
  private static func inJPEG(_ bytes: [UInt8]) -> Int? {
    var offset = 2
    while offset + 4 <= bytes.count, bytes[offset] == 0xff {
      let marker = bytes[offset + 1]
      if marker == 0xff {
        offset += 1
        continue
      }
      if marker == 0xda || marker == 0xd9 { return nil }
      let length = Int(bytes[offset + 2]) << 8 | Int(bytes[offset + 3])
      let body = offset + 4
      guard length >= 2, offset + 2 + length <= bytes.count else { return nil }
      if marker == 0xe1, length >= 8, bytes[body..<body + 6].elementsEqual([0x45, 0x78, 0x69, 0x66, 0, 0]) {
        return inTIFF(bytes[body + 6..<offset + 2 + length])
      }
      offset += 2 + length
    }
    return nil
  }

  private static func inPNG(_ bytes: [UInt8]) -> Int? {
    var offset = 8
    while offset + 12 <= bytes.count {
      let length = bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
      let body = offset + 8
      guard body + length + 4 <= bytes.count else { return nil }
      if bytes[offset + 4..<body].elementsEqual(Array("eXIf".utf8)) { return inTIFF(bytes[body..<body + length]) }
      offset = body + length + 4
    }
    return nil
  }

  /// The tag in the first directory of a block in TIFF's form.
  private static func inTIFF(_ block: ArraySlice<UInt8>) -> Int? {
    let bytes = Array(block)
    guard bytes.count >= 8 else { return nil }
    let isBig = bytes.starts(with: [0x4d, 0x4d])
    guard isBig || bytes.starts(with: [0x49, 0x49]) else { return nil }
    func number(_ offset: Int, _ count: Int) -> Int? {
      guard offset >= 0, offset + count <= bytes.count else { return nil }
      let part = bytes[offset..<offset + count]
      return isBig ? part.reduce(0) { $0 << 8 | Int($1) } : part.reversed().reduce(0) { $0 << 8 | Int($1) }
    }
    guard number(2, 2) == 42, let directory = number(4, 4), let count = number(directory, 2) else { return nil }
    for entry in 0..<count {
      let offset = directory + 2 + 12 * entry
      guard let tag = number(offset, 2) else { return nil }
      guard tag == 274 else { continue }
      guard number(offset + 2, 2) == 3, number(offset + 4, 4) == 1, let value = number(offset + 8, 2) else {
        return nil
      }
      return (1...8).contains(value) ? value : nil
    }
    return nil
  }
}
