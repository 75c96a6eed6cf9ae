import Foundation

/// The lines of a file, or of standard input as they come, one by one: what is held is one line and a buffer. A file may
/// be compressed by gzip, and begin with the mark of UTF-8, which belongs to no line.
///
/// ```swift
/// let lines = try LineReader("questions.jsonl")
/// while let line = try lines.next() { print(lines.number, line.count) }
/// ```
public final class LineReader {
  private static let piece = 1 << 16

  /// What is read, for errors.
  package let source: String
  /// What the lines come from; nil: standard input as it comes, or memory.
  private let file: TextFile?
  private let limit = InputLimit.line
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
  ///   is longer than all that could be held (4 GiB), or not UTF-8.
  public init(_ path: String) throws {
    (source, file) = (path, try TextFile(path, limit: .lines))
    try passMark()
  }

  /// Reads standard input line by line, as somebody types them.
  public init() { (source, file) = ("standard input", nil) }

  /// Reads what is piped into standard input, which may be compressed.
  /// - Throws: as for a file.
  package init(pipedAs name: String) throws {
    (source, file) = (name, try TextFile(standardInputAs: name))
    try passMark()
  }

  /// Takes lines from memory; `source` names them in errors.
  package init(_ data: Data, source: String) {
    (self.source, file) = (source, nil)
    (buffer, isAtEnd) = ([UInt8](data), true)
    if buffer.starts(with: TextFile.mark) { (start, offset) = (TextFile.mark.count, TextFile.mark.count) }
  }

  private func passMark() throws {
    var searched = 0
    while buffer.count < TextFile.mark.count, try fill(&searched) {}
    if buffer.starts(with: TextFile.mark) { (start, offset) = (TextFile.mark.count, TextFile.mark.count) }
  }

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
    let got = try buffer.withUnsafeMutableBytes { all in
      let piece = UnsafeMutableRawBufferPointer(rebasing: all[before...])
      return try file?.read(into: piece) ?? standardInput(into: piece)
    }
    buffer.removeLast(LineReader.piece - got)
    isAtEnd = got == 0
    return got > 0
  }

  private func standardInput(into piece: UnsafeMutableRawBufferPointer) throws -> Int {
    var got = 0
    repeat { got = read(STDIN_FILENO, piece.baseAddress, piece.count) } while got < 0 && errno == EINTR
    guard got >= 0 else { throw CarinaError(.badData, "reading failed part-way", at: source) }
    return got
  }
}
