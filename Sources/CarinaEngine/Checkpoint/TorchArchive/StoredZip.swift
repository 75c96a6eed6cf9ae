import CarinaRuntime

/// The central directory of a zip archive whose entries are stored, not compressed (APPNOTE.TXT of PKWARE, 6.3): where the
/// bytes of each name lie in the file.
struct StoredZip {
  /// One entry.
  struct Entry {
    /// Its name, with the directory.
    let name: String
    /// Its bytes in the file.
    let byteRange: Range<Int>
    /// What the CRC-32 of these bytes must be.
    let checksum: UInt32
  }

  /// The entries in the order of their bytes.
  let entries: [Entry]

  /// What every archive begins with that has an entry.
  static let start = Array("PK\u{03}\u{04}".utf8)
  /// The most entries that are read.
  private static let mostEntries = 65_536

  private static let localSize = 30, centralSize = 46, endSize = 22, wideEndSize = 56, locatorSize = 20

  /// Reads the directory of the `bytes` of a whole file; the bytes of the entries are not looked at.
  /// - Parameter source: names the file in errors.
  /// - Throws: `CarinaError.badData` for a file that is cut short, entries that are compressed, encrypted, there twice,
  ///   overlap or lie outside of the file, and more than 65,536 of them.
  init(_ bytes: UnsafeRawBufferPointer, source: String) throws {
    let reader = ByteReader(bytes: bytes, source: source)
    let directory = try StoredZip.directory(reader)
    var entries = [Entry](), offset = directory.range.lowerBound
    for _ in 0..<directory.count {
      guard directory.range.upperBound - offset >= StoredZip.centralSize, reader.number4(offset) == 0x0201_4b50 else {
        throw reader.damaged("the directory of the archive has fewer entries than it says")
      }
      let nameCount = reader.number2(offset + 28), extraCount = reader.number2(offset + 30)
      let end = offset + StoredZip.centralSize + nameCount + extraCount + reader.number2(offset + 32)
      guard end <= directory.range.upperBound else {
        throw reader.damaged("the directory of the archive is cut short")
      }
      entries.append(try StoredZip.entry(reader, at: offset, nameCount, extraCount, before: directory.range.lowerBound))
      offset = end
    }
    try StoredZip.requireApart(&entries, source)
    self.entries = entries
  }

  /// Where the directory is, and how many entries it has.
  private static func directory(_ reader: ByteReader) throws -> (range: Range<Int>, count: Int) {
    let size = reader.bytes.count
    guard size >= endSize else { throw reader.damaged("is too short for a zip archive") }
    // A comment of up to 65,535 bytes may stand behind the end record.
    let first = max(0, size - endSize - 65_535)
    guard
      let end = stride(from: size - endSize, through: first, by: -1).first(where: { reader.number4($0) == 0x0605_4b50 })
    else { throw reader.damaged("the end of the zip archive is not there") }
    var (count, length, start) = (reader.number2(end + 10), reader.number4(end + 12), reader.number4(end + 16))
    var limit = end
    if end >= locatorSize, reader.number4(end - locatorSize) == 0x0706_4b50 {
      guard let wide = reader.number8(end - locatorSize + 8), wide <= end - locatorSize - wideEndSize,
        reader.number4(wide) == 0x0606_4b50, let wideCount = reader.number8(wide + 32),
        let wideLength = reader.number8(wide + 40), let wideStart = reader.number8(wide + 48)
      else { throw reader.damaged("the 64-bit end of the zip archive is damaged") }
      (count, length, start, limit) = (wideCount, wideLength, wideStart, wide)
    }
    guard count <= mostEntries else {
      throw CarinaError(
        .badData, "the archive has more entries than are read", at: reader.source, expected: "at most \(mostEntries)",
        found: "\(count)")
    }
    guard start <= limit, length <= limit - start else {
      throw reader.damaged("the directory of the archive lies beyond the end of the file")
    }
    return (start..<start + length, count)
  }

  private static func entry(
    _ reader: ByteReader, at offset: Int, _ nameCount: Int, _ extraCount: Int, before limit: Int
  ) throws -> Entry {
    let nameStart = offset + centralSize
    guard let name = String(validating: reader.bytes[nameStart..<nameStart + nameCount], as: UTF8.self) else {
      throw reader.damaged("the name of an entry is no UTF-8")
    }
    let location = "\(reader.source), entry \(name)"
    guard reader.number2(offset + 8) & 0x41 == 0 else {
      throw CarinaError(.badData, "is encrypted", at: location, remedy: "Save the file without encryption.")
    }
    var sizes = [reader.number4(offset + 24), reader.number4(offset + 20), reader.number4(offset + 42)]
    try reader.widen(&sizes, from: nameStart + nameCount, count: extraCount, location)
    guard reader.number2(offset + 10) == 0, sizes[0] == sizes[1] else {
      throw CarinaError(
        .badData, "is compressed", at: location, expected: "an entry that is stored as it is, as torch.save writes it",
        remedy: "Save it with torch.save.")
    }
    let local = sizes[2]
    guard local <= limit - localSize, reader.number4(local) == 0x0403_4b50 else {
      throw CarinaError(.badData, "does not lie where the archive says", at: location, remedy: ByteReader.again)
    }
    let data = local + localSize + reader.number2(local + 26) + reader.number2(local + 28)
    guard data <= limit, sizes[0] <= limit - data else {
      throw CarinaError(
        .badData, "its bytes lie beyond the end of the file", at: location,
        expected: "at most \(max(0, limit - data)) bytes",
        found: "\(sizes[0])", remedy: ByteReader.again)
    }
    return Entry(
      name: name, byteRange: data..<data + sizes[0], checksum: UInt32(truncatingIfNeeded: reader.number4(offset + 16)))
  }

  private static func requireApart(_ entries: inout [Entry], _ source: String) throws {
    entries.sort {
      ($0.byteRange.lowerBound, $0.byteRange.upperBound) < ($1.byteRange.lowerBound, $1.byteRange.upperBound)
    }
    for (left, right) in zip(entries, entries.dropFirst()) where left.byteRange.upperBound > right.byteRange.lowerBound
    {
      throw CarinaError(
        .badData, "the bytes of two entries overlap", at: source, found: "\(left.name) and \(right.name)",
        remedy: ByteReader.again)
    }
    var names = Set<ExactText>()
    for entry in entries where !names.insert(ExactText(entry.name)).inserted {
      throw CarinaError(.badData, "the entry \(entry.name) is there twice", at: source)
    }
  }
}

/// Little-endian numbers of a file in memory. Whoever reads one has compared its offset with the end.
private struct ByteReader {
  let bytes: UnsafeRawBufferPointer
  let source: String

  static let again = "The file is cut short or damaged; copy or save it again."

  func number2(_ offset: Int) -> Int {
    Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self)))
  }

  func number4(_ offset: Int) -> Int {
    Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
  }

  /// Nil for what no file can be as long as.
  func number8(_ offset: Int) -> Int? {
    Int(exactly: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
  }

  func damaged(_ what: String) -> CarinaError { CarinaError(.badData, what, at: source, remedy: ByteReader.again) }

  /// Replaces what is all ones by the numbers of 8 bytes in the extra field of that purpose.
  func widen(_ numbers: inout [Int], from start: Int, count: Int, _ location: String) throws {
    guard numbers.contains(0xffff_ffff) else { return }
    var offset = start
    while start + count - offset >= 4 {
      let end = offset + 4 + number2(offset + 2)
      guard end <= start + count else { break }
      if number2(offset) == 1 {
        var field = offset + 4
        for index in numbers.indices where numbers[index] == 0xffff_ffff {
          guard end - field >= 8, let wide = number8(field) else { break }
          (numbers[index], field) = (wide, field + 8)
        }
        return
      }
      offset = end
    }
    throw CarinaError(.badData, "the sizes of the entry are not there", at: location, remedy: ByteReader.again)
  }
}
