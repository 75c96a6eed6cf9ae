import CRuntime

/// A file without a name at any moment, so that a process leaves nothing of it behind, however it ends.
package enum NamelessFile {
  /// Opens one for reading and writing on the file system of a directory.
  /// - Returns: its descriptor; a negative number where the file system has no such files.
  package static func open(in directory: String) -> Int32 { carina_open_nameless(directory) }
}
