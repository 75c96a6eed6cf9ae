import CImageCodecs
import CarinaRuntime
import Foundation

/// The bytes of a table one by one, read and, where it is compressed by gzip (RFC 1952), inflated piece by piece.
final class TableBytes {
  private static let piece = 1 << 16

  private let path: String
  private let file: UnsafeMutablePointer<FILE>
  private let gzip: OpaquePointer?
  private let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: piece)
  private var offset = 0, end = 0
  private var isLast = false

  /// Begins behind the mark of UTF-8, if there is one.
  /// - Throws: `CarinaError.missingInput` when there is no such file or it cannot be read, `.badData` when it is
  ///   damaged.
  init(_ path: String) throws {
    self.path = path
    file = try ReadableFile.stream(path)
    let start = fread(buffer, 1, 2, file)
    rewind(file)
    gzip = start == 2 && buffer[0] == 0x1f && buffer[1] == 0x8b ? carina_gzip_begin() : nil
    try fill()
    if end >= 3, buffer[0] == 0xef, buffer[1] == 0xbb, buffer[2] == 0xbf { offset = 3 }
  }

  deinit {
    fclose(file)
    carina_gzip_end(gzip)
    buffer.deallocate()
  }

  /// The next byte, which is not consumed; nil at the end.
  /// - Throws: `CarinaError.badData` when the file is damaged or cannot be read on.
  @inline(__always)
  func peek() throws -> UInt8? {
    if offset == end { try fill() }
    return offset < end ? buffer[offset] : nil
  }

  /// The next byte; nil at the end.
  /// - Throws: as `peek`.
  @inline(__always)
  func next() throws -> UInt8? {
    guard let byte = try peek() else { return nil }
    offset += 1
    return byte
  }

  private func fill() throws {
    guard !isLast else { return }
    var got = 0
    if let gzip {
      guard carina_gzip_read(gzip, file, buffer, TableBytes.piece, &got) == 0 else {
        throw CarinaError(.badData, "is no whole gzip file", at: path, remedy: "Fetch it again.")
      }
    } else {
      got = fread(buffer, 1, TableBytes.piece, file)
      guard ferror(file) == 0 else { throw CarinaError(.badData, "reading failed part-way", at: path) }
    }
    (offset, end, isLast) = (0, got, got < TableBytes.piece)
  }
}
