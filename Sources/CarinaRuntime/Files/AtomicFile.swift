import Foundation

/// Files that are either wholly there or not there: written beside, flushed to the disk, renamed.
///
/// ```swift
/// try AtomicFile.write("step,loss\n", to: "results/loss.csv")
/// ```
public enum AtomicFile {
  /// Writes `data` to `path`, creating parent directories.
  /// - Throws: `CarinaError.cannotWrite`; then `path` is as it was before.
  public static func write(_ data: Data, to path: String) throws {
    try write(to: path) { temporary in
      guard let file = fopen(temporary, "wb") else { throw failure(path) }
      let written = data.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
      let closed = fclose(file)
      if written != data.count || closed != 0 { throw failure(path) }
    }
  }

  /// Writes a text as UTF-8.
  public static func write(_ text: String, to path: String) throws {
    try write(Data(text.utf8), to: path)
  }

  /// Lets `body` produce a file at a temporary path beside `path`, then flushes and renames it.
  /// - Throws: what `body` throws, or `CarinaError.cannotWrite`; the temporary is removed either way.
  public static func write(to path: String, _ body: (String) throws -> Void) throws {
    try FileName.requirePath(path)
    try makeDirectory(FileName.directory(of: path))
    let temporary = "\(path).\(getpid()).partial"
    do {
      try body(temporary)
      try flush(temporary)
      guard rename(temporary, path) == 0 else { throw failure(path) }
    } catch {
      unlink(temporary)
      throw error
    }
  }

  /// Lets `body` fill a directory at a temporary path beside `path`, then lets it replace whatever was there.
  ///
  /// A process that is killed between the two renames leaves what was there as `PATH.PID.previous`; `AbandonedFiles`
  /// puts it back.
  /// - Throws: what `body` throws, or `CarinaError.cannotWrite`; then `path` is as it was and the temporary is removed.
  package static func writeDirectory(to path: String, _ body: (String) throws -> Void) throws {
    let temporary = "\(path).\(getpid()).partial"
    let files = FileManager.default
    try? files.removeItem(atPath: temporary)
    try makeDirectory(temporary)
    do {
      try body(temporary)
      let previous = "\(path).\(getpid()).previous"
      if files.fileExists(atPath: path) {
        guard rename(path, previous) == 0 else { throw failure(path) }
      }
      guard rename(temporary, path) == 0 else {
        let failure = failure(path)
        rename(previous, path)
        throw failure
      }
      try? files.removeItem(atPath: previous)
    } catch {
      try? files.removeItem(atPath: temporary)
      throw error
    }
  }

  /// Creates a directory with its parents; an empty path is the current directory.
  /// - Throws: `CarinaError.cannotWrite`.
  public static func makeDirectory(_ path: String) throws {
    guard !path.isEmpty else { return }
    try FileName.requirePath(path)
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      if (error as? CocoaError)?.code == .fileWriteOutOfSpace {
        throw WriteFailure.error(path, "the directory cannot be created", code: ENOSPC)
      }
      throw CarinaError(
        .cannotWrite, "the directory cannot be created", at: path,
        remedy: "Check that its parent exists, is a directory and is writable.")
    }
  }

  private static func flush(_ path: String) throws {
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else { throw failure(path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure(path) }
  }

  private static func failure(_ path: String) -> CarinaError {
    WriteFailure.error(path)
  }
}
