import Foundation

/// Why a file cannot be made or written, in words that say what to do.
package enum WriteFailure {
  /// The error for a path.
  /// - Parameters:
  ///   - what: what failed, e.g. "cannot be written".
  ///   - code: the system's reason, as in `errno`.
  package static func error(_ path: String, _ what: String = "cannot be written", code: Int32 = errno) -> CarinaError {
    if code == ENOSPC, lacksInodes(path) {
      return CarinaError(
        .cannotWrite, "\(what): its file system has no inode left: it holds as many files as it can", at: path,
        remedy: "Remove files there that nobody needs, or write to another file system; free bytes do not help.")
    }
    return CarinaError(
      .cannotWrite, "\(what): \(String(cString: strerror(code)))", at: path,
      remedy: "Check the free space and the permissions of its directory.")
  }

  /// Whether the file system of a path, or of the nearest directory above it that is there, has free blocks but no
  /// inode for another file.
  private static func lacksInodes(_ path: String) -> Bool {
    var directory = path
    var space = statvfs()
    while statvfs(directory.isEmpty ? "." : directory, &space) != 0 {
      guard errno == ENOENT || errno == ENOTDIR, !directory.isEmpty, directory != "/" else { return false }
      directory = FileName.directory(of: directory)
    }
    return lacksInodes(
      inodes: UInt64(space.f_files), freeInodes: UInt64(space.f_favail), freeBlocks: UInt64(space.f_bavail))
  }

  /// The same by the numbers of `statvfs`. File systems without a table of inodes say that they have 0.
  package static func lacksInodes(inodes: UInt64, freeInodes: UInt64, freeBlocks: UInt64) -> Bool {
    inodes > 0 && freeInodes == 0 && freeBlocks > 0
  }
}
