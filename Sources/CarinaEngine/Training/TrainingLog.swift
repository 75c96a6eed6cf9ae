import CarinaRuntime
import Foundation

/// `train_log.jsonl`: one object an optimizer step, and one a validation with records of its own, on the disk as soon as
/// it is done.
public final class TrainingLog {
  /// The file's name in a run's directory.
  public static let fileName = "train_log.jsonl"
  /// Where it is, and how many lines and bytes it has.
  package let path: String
  /// Lines and bytes so far.
  package private(set) var lineCount: Int, byteCount: Int
  private let file: FileHandle
  private let lock: FileLock

  /// Opens the log of a run and cuts off what stands behind `byteCount` bytes: steps that a resumed run does again. As
  /// long as the log is open no other process can open it.
  /// - Parameter lock: held already, from `lock(directory:)`; nil to take it.
  /// - Throws: `CarinaError.cannotWrite`; `.badData` when there are fewer bytes than were written, or other lines in
  ///   them; `.usage` when another process has it.
  package init(directory: String, lineCount: Int, byteCount: Int, lock: FileLock? = nil) throws {
    path = TrainingLog.path(directory)
    self.lineCount = lineCount
    self.byteCount = byteCount
    try AtomicFile.makeDirectory(directory)
    if !FileManager.default.fileExists(atPath: path) { try AtomicFile.write(Data(), to: path) }
    self.lock = try lock ?? TrainingLog.locked(directory)
    guard let file = FileHandle(forUpdatingAtPath: path) else {
      throw CarinaError(.cannotWrite, "the log cannot be opened", at: path, remedy: "Check its permissions.")
    }
    self.file = file
    do {
      try TrainingLog.compare(file, lineCount: lineCount, byteCount: byteCount, at: path)
      try file.truncate(atOffset: UInt64(byteCount))
      try file.seekToEnd()
    } catch let error as CarinaError {
      throw error
    } catch {
      throw CarinaError(.cannotWrite, "the log cannot be written: \(error.localizedDescription)", at: path)
    }
  }

  static func path(_ directory: String) -> String { "\(directory)/\(fileName)" }

  /// Takes the lock of a log that is there, so that nothing in the directory changes while it is looked at.
  /// - Returns: nil where there is no log.
  /// - Throws: `CarinaError.usage` when another process has it, `.cannotWrite`.
  package static func lock(directory: String) throws -> FileLock? {
    FileManager.default.fileExists(atPath: path(directory)) ? try locked(directory) : nil
  }

  private static func locked(_ directory: String) throws -> FileLock {
    try FileLock(path(directory)) {
      throw CarinaError(
        .usage, "another process is training into this directory", at: directory,
        remedy: "Wait for its end, stop it, or name another \(setting: .outputDirectory).")
    }
  }

  /// Refuses a log that does not begin with so many lines in so many bytes; the log stays as it is.
  /// - Throws: `CarinaError.badData`.
  package static func require(directory: String, lineCount: Int, byteCount: Int) throws {
    let path = path(directory)
    guard let file = FileHandle(forReadingAtPath: path) else {
      throw CarinaError(.badData, "the log that the checkpoint belongs to is not there", at: path)
    }
    do {
      try compare(file, lineCount: lineCount, byteCount: byteCount, at: path)
    } catch let error as CarinaError {
      throw error
    } catch {
      throw CarinaError(.badData, "the log cannot be read: \(error.localizedDescription)", at: path)
    }
  }

  private static func compare(_ file: FileHandle, lineCount: Int, byteCount: Int, at path: String) throws {
    guard try file.seekToEnd() >= UInt64(byteCount) else {
      throw CarinaError(
        .badData, "the log is shorter than the checkpoint says", at: path, expected: "at least \(byteCount) bytes",
        remedy: "Restore it, or start over in another \(setting: .outputDirectory).")
    }
    let found = try TrainingLog.lineCount(file, byteCount: byteCount)
    guard found == lineCount else {
      throw CarinaError(
        .badData, "the log is not the one that the checkpoint knows", at: path,
        expected: "\(lineCount) lines in \(byteCount) bytes", found: found.map { "\($0)" } ?? "a line cut in two",
        remedy: "Restore it, or start over in another \(setting: .outputDirectory).")
    }
  }

  /// Lines in the first bytes; nil where they end inside a line.
  private static func lineCount(_ file: FileHandle, byteCount: Int) throws -> Int? {
    try file.seek(toOffset: 0)
    var left = byteCount, lines = 0, last = UInt8(ascii: "\n")
    while left > 0, let piece = try file.read(upToCount: min(left, 1 << 20)), !piece.isEmpty {
      lines += piece.count { $0 == UInt8(ascii: "\n") }
      last = piece.last ?? last
      left -= piece.count
    }
    return left == 0 && last == UInt8(ascii: "\n") ? lines : nil
  }

  /// Adds a line.
  /// - Returns: what it holds.
  /// - Throws: `CarinaError.cannotWrite`.
  @discardableResult
  package func append(_ report: StepReport) throws -> JSONValue {
    try append(report.line)
  }

  /// Adds the line of a validation.
  /// - Returns: what it holds.
  /// - Throws: `CarinaError.cannotWrite`.
  @discardableResult
  package func append(_ report: ValidationReport) throws -> JSONValue { try append(report.json) }

  private func append(_ line: JSONValue) throws -> JSONValue {
    let data = Data((try line.serialized(sortedKeys: false, indented: false) + "\n").utf8)
    do {
      try file.write(contentsOf: data)
    } catch {
      throw CarinaError(
        .cannotWrite, "the log cannot be written: \(error.localizedDescription)", at: path,
        remedy: "Check the free space.")
    }
    lineCount += 1
    byteCount += data.count
    return line
  }

  /// Brings all lines to the disk, so that a checkpoint may refer to them.
  /// - Throws: `CarinaError.cannotWrite`.
  package func sync() throws {
    guard fsync(file.fileDescriptor) == 0 else { throw WriteFailure.error(path, "cannot be brought to the disk") }
  }
}
