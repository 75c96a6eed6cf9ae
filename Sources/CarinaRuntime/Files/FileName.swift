/// What a name or path from foreign data has to be before the file system is asked about it.
public enum FileName {
  /// Whether a text names something directly in a directory: one component, not `.` or `..`, without a NUL.
  public static func isSingle(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".." && !name.utf8.contains { $0 == 0 || $0 == UInt8(ascii: "/") }
  }

  /// The directory that a path lies in: empty for a name alone, the root for itself.
  ///
  /// Foundation's `deletingLastPathComponent` ends the process for a path of one letter.
  public static func directory(of path: String) -> String {
    let isAbsolute = path.hasPrefix("/")
    let parts = path.split(separator: "/").dropLast()
    return (isAbsolute ? "/" : "") + parts.joined(separator: "/")
  }

  /// Whether the system would take the whole of a path: at a NUL it would end.
  package static func isWhole(_ path: String) -> Bool { !path.utf8.contains(0) }

  /// Refuses a path with a NUL in it.
  /// - Throws: `CarinaError.badData`.
  package static func requirePath(_ path: String) throws {
    guard !isWhole(path) else { return }
    throw CarinaError(
      .badData, "the path has a NUL in it, where the system would cut it", at: path,
      remedy: "Correct the name where it is written.")
  }
}
