import Foundation

/// Files that are either wholly there or not there, also after a loss of power: written beside, brought to the disk,
/// renamed, and the name brought to the disk.
///
/// What an earlier process of the same task left beside, when it was killed, is removed.
///
/// ```swift
/// try AtomicFile.write("step,loss\n", to: "results/loss.csv")
/// ```
public enum AtomicFile {
  /// Writes `data` to `path`, creating parent directories.
  /// - Throws: `CarinaError.cannotWrite`; then `path` is as it was before.
  public static func write(_ data: Data, to path: String) throws {
    try write(to: path) { temporary in
      guard let file = fopen(temporary, "wb") else { throw WriteFailure.error(path) }
      let written = data.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
      let closed = fclose(file)
      if written != data.count || closed != 0 { throw WriteFailure.error(path) }
    }
  }

  /// Writes a text as UTF-8.
  public static func write(_ text: String, to path: String) throws {
    try write(Data(text.utf8), to: path)
  }

  /// Lets `body` produce a file at a temporary path beside `path`, then brings it to the disk under its name.
  /// - Throws: what `body` throws, or `CarinaError.cannotWrite`; the temporary is removed either way.
  public static func write(to path: String, _ body: (String) throws -> Void) throws {
    try FileName.requirePath(path)
    try makeDirectory(FileName.directory(of: path))
    try AbandonedFiles.clear(of: path)
    let temporary = "\(path).\(getpid()).partial"
    do {
      try body(temporary)
      try DiskSync.file(temporary)
      try DiskSync.move(temporary, to: path)
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
    try makeDirectory(FileName.directory(of: path))
    try AbandonedFiles.clear(of: path)
    try makeDirectory(temporary)
    do {
      try body(temporary)
      try DiskSync.tree(temporary)
      let previous = "\(path).\(getpid()).previous"
      if files.fileExists(atPath: path) {
        try DiskSync.move(path, to: previous)
      }
      do {
        try DiskSync.move(temporary, to: path)
      } catch {
        if !files.fileExists(atPath: path) { rename(previous, path) }
        throw error
      }
      try? files.removeItem(atPath: previous)
    } catch {
      try? files.removeItem(atPath: temporary)
      throw error
    }
  }

  /// Removes a file or directory so that a process which dies meanwhile leaves no half of it under its name.
  /// - Throws: `CarinaError.cannotWrite`.
  package static func remove(_ path: String) throws {
    let doomed = "\(path).\(getpid()).partial"
    try? FileManager.default.removeItem(atPath: doomed)
    do {
      try DiskSync.move(path, to: doomed)
      try FileManager.default.removeItem(atPath: doomed)
    } catch {
      throw CarinaError(.cannotWrite, "cannot be removed", at: path, remedy: "Check the permissions of its directory.")
    }
  }

  /// Creates a directory with its parents, whose names it brings to the disk; an empty path is the current directory.
  /// - Throws: `CarinaError.cannotWrite`.
  public static func makeDirectory(_ path: String) throws {
    guard !path.isEmpty else { return }
    try FileName.requirePath(path)
    var made: [String] = [], above = path
    while !above.isEmpty, access(above, F_OK) != 0 {
      made.append(above)
      above = FileName.directory(of: above)
    }
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
    for directory in made { try DiskSync.directory(FileName.directory(of: directory)) }
  }
}
