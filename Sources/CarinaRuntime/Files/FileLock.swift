import Foundation

/// An exclusive lock on a file, held as long as the value lives and let go of by the system when the process ends,
/// however it ends.
///
/// ```swift
/// let lock = try FileLock("cache/lock") { try stopWhenAsked() }
/// ```
package final class FileLock {
  private let descriptor: Int32

  /// Makes the file where it is not there, and locks it.
  /// - Parameters:
  ///   - whileTaken: called five times a second while another holds it; what it throws, as by default, ends the waiting.
  /// - Throws: what `whileTaken` throws, or `CarinaError.cannotWrite` when the file cannot be made.
  package init(
    _ path: String,
    whileTaken: () throws -> Void = { throw CarinaError(.usage, "another process holds the lock") }
  ) throws {
    func failure() -> CarinaError {
      if errno == ENOSPC { return WriteFailure.error(path, "the lock cannot be made") }
      return CarinaError(
        .cannotWrite, "the lock cannot be made: \(String(cString: strerror(errno)))", at: path,
        remedy: "Check the free space, the permissions of its directory, and that its file system knows locks.")
    }
    let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw failure() }
    while flock(file, LOCK_EX | LOCK_NB) != 0 {
      if errno == EINTR { continue }
      do {
        guard errno == EWOULDBLOCK else { throw failure() }
        try whileTaken()
      } catch {
        close(file)
        throw error
      }
      usleep(200_000)
    }
    descriptor = file
  }

  /// Whether a path still leads to the file that is locked.
  package func isAt(_ path: String) -> Bool {
    var own = stat(), there = stat()
    return fstat(descriptor, &own) == 0 && stat(path, &there) == 0 && own.st_ino == there.st_ino
      && own.st_dev == there.st_dev
  }

  deinit {
    // A child between fork and exec has a copy of the descriptor; closing ours alone would leave the lock to it for
    // that moment.
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }
}
