import CarinaRuntime

/// The bytes of a table one by one.
final class TableBytes {
  private static let piece = 1 << 16

  private let file: TextFile
  private let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: piece)
  private var offset = 0, end = 0
  private var isLast = false

  /// Begins behind the mark of UTF-8, if there is one.
  /// - Throws: `CarinaError.missingInput` when there is no such file or it cannot be read, `.badData` when it is
  ///   damaged or not UTF-8.
  init(_ path: String) throws {
    file = try TextFile(path)
    try fill()
    if UnsafeBufferPointer(start: buffer, count: end).starts(with: TextFile.mark) { offset = TextFile.mark.count }
  }

  deinit { buffer.deallocate() }

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
    let got = try file.read(into: UnsafeMutableRawBufferPointer(start: buffer, count: TableBytes.piece))
    (offset, end, isLast) = (0, got, got < TableBytes.piece)
  }
}
