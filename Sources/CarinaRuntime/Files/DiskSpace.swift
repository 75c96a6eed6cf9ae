import Foundation

/// How much room a file system has for an ordinary user.
package struct DiskSpace: Equatable, Sendable {
  /// Bytes that may still be written, and files that may still be made; nil where the file system does not count them.
  package let byteCount: Int?, fileCount: Int?

  /// What is known already.
  package init(byteCount: Int?, fileCount: Int?) {
    self.byteCount = byteCount
    self.fileCount = fileCount
  }

  /// Asks the file system on which a path lies; of a path that is not there yet, that of the nearest directory above.
  package init(at path: String) {
    var status = statvfs()
    for candidate in DiskSpace.upwards(path) where statvfs(candidate, &status) == 0 {
      let bytes = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
      // Some file systems count neither blocks nor files; then all of these are 0.
      byteCount = status.f_blocks == 0 || bytes.overflow ? nil : Int(clamping: bytes.partialValue)
      fileCount = status.f_files == 0 ? nil : Int(clamping: status.f_favail)
      return
    }
    byteCount = nil
    fileCount = nil
  }

  private static func upwards(_ path: String) -> [String] {
    var paths = [path], next = path
    while case let parent = FileName.directory(of: next), parent != next, !parent.isEmpty {
      paths.append(parent)
      next = parent
    }
    return path.hasPrefix("/") ? paths : paths + ["."]
  }
}
