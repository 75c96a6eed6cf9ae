import CRuntime
import Foundation

/// The bytes of a text file piece by piece. What is compressed by gzip (RFC 1952), which the content says and not the
/// name, is inflated on the way.
///
/// A file that inflates out of all proportion is refused, and so is text of another encoding than UTF-8.
package final class TextFile {
  /// What a gzip file may inflate to beside `ratio` times its own size.
  private static let allowance = 256 << 20
  /// Texts seldom become more than 30 times larger; gzip can make a thousand times more of nothing.
  private static let ratio = 200

  /// The file, for errors.
  package let path: String
  private let file: UnsafeMutablePointer<FILE>
  /// What a file in memory lies in.
  private let memory: NSData?
  private let allowance: Int
  private var gzip: OpaquePointer?
  private var inflated = 0
  /// Inflated bytes that were looked at and are still to be read.
  private var pending: ArraySlice<UInt8> = []

  /// Opens a file.
  /// - Parameters:
  ///   - expected: what was to be there, for the error.
  ///   - limit: how long the file may be; nil: of any length, as it is read piece by piece.
  ///   - allowance: bytes that a gzip file may always inflate to.
  /// - Throws: `CarinaError.missingInput` when there is no such file or it cannot be read, `.badData` when it is no
  ///   plain file, too long, or not UTF-8.
  package init(
    _ path: String, expected: String? = nil, limit: InputLimit? = nil, allowance: Int = TextFile.allowance
  ) throws {
    (self.path, file, self.allowance, memory) = (
      path, try ReadableFile.stream(path, expected: expected), allowance, nil
    )
    var status = stat()
    if let limit, fstat(fileno(file), &status) == 0 { try limit.require(Int(status.st_size), at: path) }
    try begin()
  }

  /// Reads standard input, whose first bytes are waited for.
  /// - Throws: `CarinaError.missingInput` when it cannot be read, `.badData` when it is not UTF-8.
  package init(standardInputAs name: String) throws {
    guard let file = fdopen(dup(STDIN_FILENO), "rb") else { throw ReadableFile.refusal(name) }
    (path, self.file, allowance, memory) = (name, file, TextFile.allowance, nil)
    try begin()
  }

  /// Reads bytes that are in memory; `source` names them.
  /// - Throws: as for a file.
  private init(_ data: Data, source: String) throws {
    // `fmemopen` reads where the bytes lie, so they are copied to where they stay.
    let bytes = data as NSData
    guard let file = fmemopen(UnsafeMutableRawPointer(mutating: bytes.bytes), max(1, data.count), "rb") else {
      throw ReadableFile.refusal(source)
    }
    (path, self.file, memory, allowance) = (source, file, bytes, TextFile.allowance)
    try begin()
  }

  deinit {
    fclose(file)
    carina_gzip_end(gzip)
  }

  /// Fills a buffer; says how much of it. Less than all of it means the end.
  /// - Throws: `CarinaError.badData` when the file is damaged, inflates beyond measure, or cannot be read on.
  package func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    guard pending.isEmpty else {
      let first = pending.prefix(buffer.count)
      pending = pending.dropFirst(first.count)
      buffer.copyBytes(from: first)
      return try first.count + read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[first.count...]))
    }
    guard let base = buffer.baseAddress, !buffer.isEmpty else { return 0 }
    guard let gzip else {
      let got = fread(base, 1, buffer.count, file)
      guard ferror(file) == 0 else { throw CarinaError(.badData, "reading failed part-way", at: path) }
      return got
    }
    var got = 0
    guard carina_gzip_read(gzip, file, base.assumingMemoryBound(to: UInt8.self), buffer.count, &got) == 0 else {
      throw CarinaError(.badData, "is no whole gzip file", at: path, remedy: "Fetch it again.")
    }
    inflated += got
    let limit = allowance + TextFile.ratio * carina_gzip_consumed(gzip)
    guard inflated <= limit else {
      throw CarinaError(
        .badData, "inflates beyond measure", at: path,
        expected: "at most \(TextFile.ratio) times its size and \(allowance >> 20) MiB",
        found: "more than \(inflated) bytes of \(carina_gzip_consumed(gzip))",
        remedy: "Unpack it if you trust it.")
    }
    return got
  }

  /// All bytes of a file, inflated where it is compressed; the limit holds for both lengths.
  /// - Throws: as `init` and `read`.
  package static func bytes(_ path: String, limit: InputLimit) throws -> Data {
    try TextFile(path, limit: limit).rest(limit)
  }

  /// The same of bytes that are in memory already; `source` names them.
  /// - Throws: as `init` and `read`.
  package static func bytes(of data: Data, source: String) throws -> Data {
    if let refusal = ForeignEncoding.refusal(data.prefix(4), source: source) { throw refusal }
    if let refusal = LargeFilePointer.refusal(data, source: source) { throw refusal }
    return isGzip(data.prefix(2)) ? try TextFile(data, source: source).rest(nil) : data
  }

  /// The text of a file without the mark of UTF-8, inflated where it is compressed.
  /// - Throws: as `init` and `read`.
  package static func text(_ path: String, limit: InputLimit) throws -> String {
    let data = try bytes(path, limit: limit)
    return String(decoding: data.starts(with: mark) ? data.dropFirst(mark.count) : data, as: UTF8.self)
  }

  /// The byte order mark of UTF-8, which says nothing and is passed over.
  package static let mark: [UInt8] = [0xEF, 0xBB, 0xBF]

  private static func isGzip(_ start: some Collection<UInt8>) -> Bool { start.starts(with: [0x1F, 0x8B] as [UInt8]) }

  private func rest(_ limit: InputLimit?) throws -> Data {
    var (data, piece) = (Data(), [UInt8](repeating: 0, count: 1 << 18))
    while true {
      let got = try piece.withUnsafeMutableBytes { try read(into: $0) }
      data.append(contentsOf: piece[..<got])
      try limit?.require(data.count, at: path)
      if got < piece.count { return data }
    }
  }

  /// Looks at the first bytes. They stay to be read, also where the file is a pipe and cannot be read twice.
  private func begin() throws {
    var start = try first()
    // Only what may be a pointer is looked at further: at a terminal the first line may be short.
    if LargeFilePointer.start.starts(with: start), start.count == 4 {
      start += try first(LargeFilePointer.start.count - 4)
      pending = start[...]
      if let refusal = LargeFilePointer.refusal(start, source: path) { throw refusal }
      return
    }
    for byte in start.reversed() where ungetc(Int32(byte), file) == EOF { throw ReadableFile.refusal(path) }
    if TextFile.isGzip(start) {
      gzip = try inflater()
      start = try first()
      pending = start[...]
    }
    if let refusal = ForeignEncoding.refusal(start, source: path) { throw refusal }
  }

  private func inflater() throws -> OpaquePointer {
    guard let gzip = carina_gzip_begin() else { throw CarinaError(.internalFailure, "there is no memory", at: path) }
    return gzip
  }

  private func first(_ count: Int = 4) throws -> [UInt8] {
    var start = [UInt8](repeating: 0, count: count)
    let got = try start.withUnsafeMutableBytes { try read(into: $0) }
    return Array(start[..<got])
  }
}
