import CarinaRuntime
import Foundation

/// A file of records read piece by piece, plain or compressed by gzip: what is held is one record and a buffer, however
/// long the file is.
final class ByteWindow {
  private static let piece = 1 << 18
  /// A record of more bytes than these is none.
  private static let longestRecord = 64 << 20

  private let path: String
  private let file: TextFile
  private var buffer: [UInt8] = []
  private var offset = 0
  private var isAtEnd = false
  // The first byte in the buffer that is still needed.
  private var start = 0
  // Line and column of the byte at `start`, for errors.
  private var origin = JSONScanner.Origin()

  /// - Throws: `CarinaError.missingInput` when there is no such file or it cannot be read, `.badData` when it is not
  ///   UTF-8 or damaged.
  init(_ path: String) throws {
    self.path = path
    file = try TextFile(path, expected: "a file of records")
    try passMark()
  }

  /// The first byte that is not white space, which is not consumed; nil when there is none.
  func firstMark() throws -> UInt8? {
    while let byte = try byte(at: offset) {
      guard byte == 0x20 || (0x09...0x0d).contains(byte) else { return byte }
      offset += 1
      if offset - start >= ByteWindow.piece { drop() }
    }
    return nil
  }

  /// Calls `body` with each element of the JSON list that begins here, and demands that nothing follows it.
  /// - Throws: `CarinaError.badData` with line, column and byte; what `body` throws.
  func elements(_ body: (JSONValue) throws -> Void) throws {
    offset += 1
    guard try firstMark() != UInt8(ascii: "]") else {
      offset += 1
      return try expectEnd()
    }
    while true {
      drop()
      let end = try endOfValue()
      try body(
        try buffer.withUnsafeBytes {
          try JSONParser.document(UnsafeRawBufferPointer(rebasing: $0[start..<end]), source: path, origin: origin)
        })
      offset = end
      let mark = try firstMark()
      guard mark == UInt8(ascii: ",") || mark == UInt8(ascii: "]") else {
        throw try failure("unexpected character", expected: "\",\" or \"]\"")
      }
      offset += 1
      if mark == UInt8(ascii: "]") { return try expectEnd() }
      guard try firstMark() != nil else { throw try failure("the document ends early") }
    }
  }

  /// Calls `body` with each line that is not blank, and its number from 1.
  /// - Throws: `CarinaError.badData` for a line that is too long; what `body` throws.
  func lines(_ body: (Data, Int) throws -> Void) throws {
    // What `firstMark` passed over are blank lines.
    drop()
    var number = origin.line - 1
    while try byte(at: offset) != nil {
      var end = offset
      while let byte = try byte(at: end), byte != 0x0A {
        end += 1
        try requireRecord(end - offset)
      }
      number += 1
      let line = buffer[offset..<end]
      if line.contains(where: { !($0 == 0x20 || (0x09...0x0d).contains($0)) }) { try body(Data(line), number) }
      offset = end + 1
      if offset - start >= ByteWindow.piece { drop() }
    }
  }

  /// Where the value at the offset ends, told by its brackets and quotes alone: whether it is one, the parser says.
  private func endOfValue() throws -> Int {
    var (end, depth, isText) = (offset, 0, false)
    while let byte = try byte(at: end) {
      try requireRecord(end - offset)
      end += 1
      if isText {
        if byte == UInt8(ascii: "\\") { end += 1 } else if byte == UInt8(ascii: "\"") { isText = false }
        if isText || depth > 0 { continue }
        return min(end, buffer.count)
      }
      switch byte {
      case UInt8(ascii: "\""): isText = true
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        if depth == 0 { return end }
        if depth < 0 { return end - 1 }
      case UInt8(ascii: ",") where depth == 0: return end - 1
      default: break
      }
    }
    return min(end, buffer.count)
  }

  private func requireRecord(_ length: Int) throws {
    guard length <= ByteWindow.longestRecord else {
      throw try failure("a record is longer than \(ByteWindow.longestRecord >> 20) MiB")
    }
  }

  private func expectEnd() throws {
    guard try firstMark() != nil else { return }
    throw try failure("something follows the end of the document")
  }

  private func failure(_ what: String, expected: String? = nil) throws -> CarinaError {
    _ = try byte(at: offset)
    return buffer.withUnsafeBytes {
      var scanner = JSONScanner(UnsafeRawBufferPointer(rebasing: $0[start...]), source: path, origin: origin)
      scanner.offset = min(offset, buffer.count) - start
      return scanner.failure(what, expected: expected, found: scanner.shown())
    }
  }

  @inline(__always)
  private func byte(at index: Int) throws -> UInt8? {
    if index >= buffer.count { try fill(to: index) }
    return index < buffer.count ? buffer[index] : nil
  }

  /// Moves over a byte order mark, which some editors put before the text.
  private func passMark() throws {
    guard try byte(at: TextFile.mark.count - 1) != nil, buffer.starts(with: TextFile.mark) else { return }
    (offset, start) = (TextFile.mark.count, TextFile.mark.count)
    origin = JSONScanner.Origin(byte: TextFile.mark.count)
  }

  private func fill(to index: Int) throws {
    while index >= buffer.count && !isAtEnd {
      let start = buffer.count
      buffer.append(contentsOf: repeatElement(0, count: ByteWindow.piece))
      let got = try buffer.withUnsafeMutableBytes {
        try file.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[start...]))
      }
      buffer.removeLast(ByteWindow.piece - got)
      isAtEnd = got == 0
    }
  }

  /// Forgets the bytes before the offset, and frees their memory once there are enough of them.
  private func drop() {
    let end = min(offset, buffer.count)
    buffer.withUnsafeBytes { origin.move(over: UnsafeRawBufferPointer(rebasing: $0[start..<end])) }
    start = end
    guard start >= ByteWindow.piece else { return }
    buffer.removeFirst(start)
    (offset, start) = (offset - start, 0)
  }
}
