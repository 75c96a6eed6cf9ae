import CRuntime
import Foundation

/// What is on the disk for good: a loss of power takes whatever was not brought there.
///
/// The content of a file is there once the file was synced, a name once its directory was. So what relies on something
/// (the removal of an older copy, a record that says it is done) follows the sync.
package enum DiskSync {
  private static let manyFiles = 256

  /// Brings the content of a file to the disk.
  /// - Throws: `CarinaError.cannotWrite`.
  package static func file(_ path: String) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw WriteFailure.error(path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure(path) }
  }

  /// Brings the names in a directory to the disk; an empty path is the current directory.
  /// - Throws: `CarinaError.cannotWrite`.
  package static func directory(_ path: String) throws {
    try inside(path) { fsync($0) }
  }

  /// Brings a directory and all that is in it to the disk, except for its own name.
  /// - Throws: `CarinaError.cannotWrite`.
  package static func tree(_ path: String) throws {
    let (files, directories) = try contents(path)
    // One call for the whole file system is faster than thousands for single files.
    if files.count > manyFiles { return try inside(path) { carina_sync_file_system($0) } }
    for file in files { try self.file(file) }
    for directory in directories.reversed() { try self.directory(directory) }
  }

  /// Gives a file or directory that is on the disk another name, and brings that to the disk.
  /// - Throws: `CarinaError.cannotWrite`.
  package static func move(_ path: String, to target: String) throws {
    guard rename(path, target) == 0 else { throw WriteFailure.error(target) }
    let (source, parent) = (FileName.directory(of: path), FileName.directory(of: target))
    try directory(parent)
    if source != parent { try directory(source) }
  }

  private static func inside(_ path: String, _ sync: (Int32) -> Int32) throws {
    let descriptor = open(path.isEmpty ? "." : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    // A directory in which one may write but not list cannot be opened, so neither synced.
    if descriptor < 0, errno == EACCES { return }
    guard descriptor >= 0 else { throw WriteFailure.error(path) }
    defer { close(descriptor) }
    // Some file systems know no sync of a directory, and say so.
    guard sync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP else { throw failure(path) }
  }

  /// Files below a directory; directories below it with itself, each behind the one that it lies in.
  private static func contents(_ path: String) throws -> (files: [String], directories: [String]) {
    var (files, directories, next) = ([String](), [path], 0)
    while next < directories.count {
      let directory = directories[next]
      next += 1
      guard let names = try? FileManager.default.contentsOfDirectory(atPath: directory) else {
        throw CarinaError(.cannotWrite, "what was written cannot be listed", at: directory)
      }
      for name in names {
        var status = stat()
        guard lstat("\(directory)/\(name)", &status) == 0 else { continue }
        switch status.st_mode & S_IFMT {
        case S_IFDIR: directories.append("\(directory)/\(name)")
        case S_IFREG: files.append("\(directory)/\(name)")
        default: break
        }
      }
    }
    return (files, directories)
  }

  private static func failure(_ path: String) -> CarinaError {
    WriteFailure.error(path, "cannot be brought to the disk")
  }
}
