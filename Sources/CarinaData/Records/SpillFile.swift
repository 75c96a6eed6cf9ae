import CarinaRuntime
import Foundation

/// A file without a name, so that nothing is left of it when the process ends, however it ends. Bytes are appended,
/// read at any offset from any thread, and overwritten.
///
/// Unchecked because of what is appended: one thread does that, and others read only after its `flush`. Reading and
/// overwriting go through calls of the system that need no shared offset.
final class SpillFile: @unchecked Sendable {
  private static let piece = 1 << 16

  private let descriptor: Int32
  private let path: String
  private var pending: [UInt8] = []
  private var written = 0

  /// - Throws: `CarinaError.cannotWrite`.
  init(_ spill: SpillPath) throws {
    path = spill.path
    let directory = FileName.directory(of: path)
    try AtomicFile.makeDirectory(directory)
    var descriptor = NamelessFile.open(in: directory.isEmpty ? "." : directory)
    let isNameless = descriptor >= 0
    for _ in 0..<(isNameless ? 0 : 100) {
      // Some file systems have no files without a name.
      descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
      if descriptor >= 0 || errno != EEXIST { break }
      // Left by a process that was killed in between; or another's, who has it open already and needs no name.
      unlink(path)
    }
    self.descriptor = descriptor
    guard descriptor >= 0 else { throw SpillFile.failure(path) }
    if !isNameless { unlink(path) }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// How many bytes were appended.
  var count: Int { written + pending.count }

  /// Adds bytes; not while others read.
  /// - Throws: `CarinaError.cannotWrite`.
  func append(_ bytes: UnsafeRawBufferPointer) throws {
    pending.append(contentsOf: bytes)
    if pending.count >= SpillFile.piece { try flush() }
  }

  /// Brings what was appended to the file; to be called before the first reading.
  /// - Throws: `CarinaError.cannotWrite`.
  func flush() throws {
    try pending.withUnsafeBytes { try write($0, at: written) }
    written += pending.count
    pending.removeAll(keepingCapacity: true)
  }

  /// Puts bytes at an offset, also beyond the end.
  /// - Throws: `CarinaError.cannotWrite`.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
    var done = 0
    while done < bytes.count, let start = bytes.baseAddress {
      let count = pwrite(descriptor, start + done, bytes.count - done, off_t(offset + done))
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw SpillFile.failure(path) }
      done += count
    }
  }

  /// Fills a buffer with the bytes from an offset on.
  /// - Throws: `CarinaError.badData` when the file cannot be read.
  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    var done = 0
    while done < buffer.count, let start = buffer.baseAddress {
      let got = pread(descriptor, start + done, buffer.count - done, off_t(offset + done))
      if got < 0 && errno == EINTR { continue }
      guard got > 0 else {
        throw CarinaError(.badData, "records that were just written cannot be read back", at: path)
      }
      done += got
    }
  }

  private static func failure(_ path: String) -> CarinaError {
    WriteFailure.error(path, "the list of records cannot be written")
  }
}

extension SpillFile {
  /// Adds an entry of fixed size.
  /// - Throws: `CarinaError.cannotWrite`.
  func append<Entry: BitwiseCopyable>(_ entry: Entry) throws { try withUnsafeBytes(of: entry) { try append($0) } }

  /// Changes the entry of a number in a file of nothing but such entries.
  /// - Throws: `CarinaError.cannotWrite`.
  func set<Entry: BitwiseCopyable>(_ number: Int, _ entry: Entry) throws {
    try withUnsafeBytes(of: entry) { try write($0, at: number * MemoryLayout<Entry>.stride) }
  }

  /// The entries of some numbers in a file of nothing but such entries.
  /// - Throws: `CarinaError.badData` when the file cannot be read.
  func entries<Entry: BitwiseCopyable>(_ numbers: Range<Int>, of type: Entry.Type) throws -> [Entry] {
    try [Entry](unsafeUninitializedCapacity: numbers.count) { buffer, initialized in
      let all = UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[..<numbers.count]))
      try read(at: numbers.lowerBound * MemoryLayout<Entry>.stride, into: all)
      initialized = numbers.count
    }
  }

  /// The entry of a number in a file of nothing but such entries.
  /// - Throws: `CarinaError.badData` when the file cannot be read.
  func entry<Entry: BitwiseCopyable>(_ number: Int, of type: Entry.Type) throws -> Entry {
    try withUnsafeTemporaryAllocation(of: Entry.self, capacity: 1) { buffer in
      try read(at: number * MemoryLayout<Entry>.stride, into: UnsafeMutableRawBufferPointer(buffer))
      return buffer[0]
    }
  }
}
