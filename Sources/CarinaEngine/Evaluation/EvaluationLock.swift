import CarinaRuntime
import Foundation

/// The right to evaluate into a directory, which one process has at a time: a locked file in its `evaluation.partial`.
/// It goes with the value or with the process, however that ends.
///
/// ```swift
/// let lock = try EvaluationLock(outputDirectory: "results")
/// ```
public final class EvaluationLock {
  private let directory: String
  private let path: String
  private let file: FileLock
  // Directories that were not there before, the innermost first.
  private let made: [String]

  /// Takes the lock, creating the directory; call it before anything that takes long.
  /// - Throws: `CarinaError.usage` when another process evaluates into the directory, `.cannotWrite`.
  public init(outputDirectory: String) throws {
    let directory = EvaluatorProgress.directory(in: outputDirectory), path = "\(directory)/lock"
    var made: [String] = [], above = outputDirectory
    while !above.isEmpty, !FileManager.default.fileExists(atPath: above) {
      made.append(above)
      above = FileName.directory(of: above)
    }
    func take() throws -> FileLock {
      try AtomicFile.makeDirectory(directory)
      return try FileLock(path) {
        throw CarinaError(
          .usage, "another process is evaluating into this directory", at: outputDirectory,
          remedy: "Wait for its end, stop it, or name another \(setting: .outputDirectory).")
      }
    }
    var file = try take()
    // Who held it may have removed the file between its opening here and its locking.
    for _ in 0..<100 where !file.isAt(path) { file = try take() }
    try AbandonedFiles.clear(of: directory)
    (self.directory, self.path, self.file, self.made) = (directory, path, file, made)
  }

  deinit {
    // Directories go only where nothing is in them.
    if file.isAt(path) { unlink(path) }
    rmdir(directory)
    for directory in made { rmdir(directory) }
  }
}
