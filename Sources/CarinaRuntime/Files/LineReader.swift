import Foundation

/// The lines of a file, or of standard input as they come, one by one: what is held is one line and a buffer.
///
/// ```swift
/// let lines = try LineReader("questions.jsonl")
/// while let line = try lines.next() { print(lines.number, line.count) }
/// ```
public final class LineReader {
  private static let piece = 1 << 16

  /// What is read, for errors.
  package let source: String
  private let descriptor: Int32
  private let isOwned: Bool
  private let limit: InputLimit
  private var buffer: [UInt8] = []
  private var start = 0
  private var isAtEnd = false
  /// The number of the line that came last, from 1; 0 before the first.
  public private(set) var number = 0
  /// Bytes up to the end of the line that came last, its line end included.
  package private(set) var offset = 0
  /// Whether the line that came last has a line end.
  package private(set) var isTerminated = false

  /// Opens a file.
  /// - Throws: `CarinaError.missingInput` when it is absent or cannot be opened, `.badData` when it is no plain file or
  ///   is longer than all that could be held (4 GiB).
  public init(_ path: String) throws {
    let opened = try ReadableFile.open(path)
    (source, descriptor, isOwned, limit) = (path, opened.descriptor, true, .line)
    do {
      try InputLimit.lines.require(opened.byteCount, at: path)
    } catch {
      close(opened.descriptor)
      throw error
    }
  }

  /// Reads standard input.
  public init() { (source, descriptor, isOwned, limit) = ("standard input", 0, false, .line) }

  /// Takes lines from memory; `source` names them in errors.
  package init(_ data: Data, source: String) {
    (self.source, descriptor, isOwned, limit) = (source, -1, false, .line)
    (buffer, isAtEnd) = ([UInt8](data), true)
  }

  deinit { if isOwned { close(descriptor) } }

  /// The next line without its line end; nil when there is none.
  /// - Throws: `CarinaError.badData` for a line of more than 16 MiB, and when reading fails.
  public func next() throws -> Data? {
    var searched = start
    while true {
      if let end = lineEnd(from: searched) { return line(upTo: end, isTerminated: true) }
      searched = buffer.count
      guard searched - start <= limit.byteCount else {
        throw CarinaError(
          .badData, "the line is longer than \(limit.text)", at: "\(source), line \(number + 1)",
          remedy: "Check that it is the file that was meant: it holds one object a line.")
      }
      guard try fill(&searched) else {
        return start < buffer.count ? line(upTo: buffer.count, isTerminated: false) : nil
      }
    }
  }

  private func lineEnd(from first: Int) -> Int? {
    buffer.withUnsafeBytes { bytes in
      guard first < bytes.count, let start = bytes.baseAddress else { return nil }
      return memchr(start + first, 0x0A, bytes.count - first).map { UnsafeRawPointer($0) - start }
    }
  }

  private func line(upTo end: Int, isTerminated: Bool) -> Data {
    let line = Data(buffer[start..<end]), next = end + (isTerminated ? 1 : 0)
    offset += next - start
    (start, number, self.isTerminated) = (next, number + 1, isTerminated)
    return line
  }

  /// Reads on; false at the end.
  private func fill(_ searched: inout Int) throws -> Bool {
    guard !isAtEnd else { return false }
    if start > 0 {
      buffer.removeFirst(start)
      searched -= start
      start = 0
    }
    let before = buffer.count
    buffer.append(contentsOf: repeatElement(0, count: LineReader.piece))
    var got = 0
    repeat {
      got = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress! + before, LineReader.piece) }
    } while got < 0 && errno == EINTR
    buffer.removeLast(LineReader.piece - max(0, got))
    guard got >= 0 else { throw CarinaError(.badData, "reading failed part-way", at: source) }
    isAtEnd = got == 0
    return got > 0
  }
}
