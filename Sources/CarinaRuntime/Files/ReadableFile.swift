import Foundation

/// The one door for files of others: what a path has to be before a file is read, and reading within a limit.
///
/// A pipe with a name, a socket or a device is refused before it is opened, as opening alone may wait for ever or do
/// something; so is a name with a NUL in it, which the system would cut there.
public enum ReadableFile {
  /// Refuses a path at which there is no plain file. Links are followed.
  /// - Parameters:
  ///   - expected: what was to be there, for the error.
  ///   - directoryKind: the kind of the error for a directory.
  /// - Throws: `CarinaError.missingInput` for nothing and for a directory, `.badData` for what else is no plain file or
  ///   no name.
  package static func require(
    _ path: String, expected: String? = nil, directoryIs directoryKind: CarinaError.Kind = .missingInput
  ) throws {
    try FileName.requirePath(path)
    var status = stat()
    guard stat(path, &status) == 0 else {
      guard errno == ENOENT || errno == ENOTDIR else { throw refusal(path) }
      throw CarinaError(.missingInput, "there is no such file", at: path, expected: expected)
    }
    try requirePlain(status, path, expected, directoryKind)
  }

  /// Opens a plain file for reading, and never waits for it.
  /// - Returns: its descriptor, which the caller closes, and its length.
  /// - Throws: as `require`; `CarinaError.missingInput` when it cannot be opened.
  package static func open(
    _ path: String, expected: String? = nil, directoryIs directoryKind: CarinaError.Kind = .missingInput
  ) throws -> (descriptor: Int32, byteCount: Int) {
    try require(path, expected: expected, directoryIs: directoryKind)
    let descriptor = Foundation.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else { throw refusal(path) }
    do {
      var status = stat()
      guard fstat(descriptor, &status) == 0 else { throw refusal(path) }
      // Another file may have come to this name meanwhile.
      try requirePlain(status, path, expected, directoryKind)
      return (descriptor, Int(status.st_size))
    } catch {
      close(descriptor)
      throw error
    }
  }

  /// Opens a plain file as a stream, which the caller closes.
  /// - Throws: as `open`.
  package static func stream(_ path: String, expected: String? = nil) throws -> UnsafeMutablePointer<FILE> {
    let (descriptor, _) = try open(path, expected: expected)
    guard let file = fdopen(descriptor, "rb") else {
      let error = refusal(path)
      close(descriptor)
      throw error
    }
    return file
  }

  /// The bytes of a file that is not longer than a limit, which is asked before anything is read.
  /// - Throws: as `open`; `CarinaError.badData` when the file is longer, cannot be read on, or is a pointer of Git LFS.
  public static func read(_ path: String, limit: InputLimit) throws -> Data {
    let (descriptor, byteCount) = try open(path)
    defer { close(descriptor) }
    try limit.require(byteCount, at: path)
    var data = Data(count: byteCount)
    let count = try data.withUnsafeMutableBytes { try fill($0, from: descriptor, path) }
    if let refusal = LargeFilePointer.refusal(data.prefix(count), source: path) { throw refusal }
    return count < byteCount ? data.prefix(count) : data
  }

  /// Fills a buffer from the beginning of a file.
  /// - Returns: how many bytes there were.
  /// - Throws: `CarinaError.badData` when reading fails.
  package static func fill(
    _ buffer: UnsafeMutableRawBufferPointer, from descriptor: Int32, _ path: String
  ) throws -> Int {
    var count = 0
    while count < buffer.count, let start = buffer.baseAddress {
      let got = Foundation.read(descriptor, start + count, buffer.count - count)
      if got < 0 && errno == EINTR { continue }
      guard got >= 0 else { throw CarinaError(.badData, "reading failed part-way", at: path) }
      if got == 0 { break }
      count += got
    }
    return count
  }

  /// What is thrown where there is a file and it cannot be opened, with the system's reason.
  package static func refusal(_ path: String) -> CarinaError {
    CarinaError(
      .missingInput, "cannot be read: \(String(cString: strerror(errno)))", at: path,
      remedy: errno == EACCES ? "Check its permissions." : nil)
  }

  private static func requirePlain(
    _ status: stat, _ path: String, _ expected: String?, _ directoryKind: CarinaError.Kind
  ) throws {
    let found: String
    switch status.st_mode & S_IFMT {
    case S_IFREG: return
    case S_IFDIR: throw CarinaError(directoryKind, "is a directory", at: path, expected: expected ?? "a file")
    case S_IFIFO: found = "a pipe"
    case S_IFSOCK: found = "a socket"
    default: found = "a device"
    }
    throw CarinaError(
      .badData, "is no plain file", at: path, expected: expected ?? "a file", found: found,
      remedy: "Write what comes out of it into a file first.")
  }
}
