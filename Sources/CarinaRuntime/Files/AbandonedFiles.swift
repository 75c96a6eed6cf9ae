import Foundation

/// What `AtomicFile` had in hand when its process was killed: `NAME.PID.partial`, and `NAME.PID.previous` of a
/// directory that was being replaced.
package enum AbandonedFiles {
  /// Clears a directory of what dead processes left in it: half-written files and directories go, and a directory whose
  /// replacement never came gets its name back. What belongs to a living process stays.
  /// - Parameter isBegin: whether this process has written nothing there yet, so that what has its number is of an
  ///   earlier one: in containers all have the same.
  /// - Returns: what was removed.
  /// - Throws: `CarinaError.cannotWrite` when something cannot be removed.
  @discardableResult
  package static func clear(_ directory: String, isBegin: Bool = false) throws -> [String] {
    try clear(directory, isBegin: isBegin) { _ in true }
  }

  /// The same for one file or directory: what dead processes left of it beside it.
  package static func clear(of path: String) throws {
    let name = path.split(separator: "/").last.map(String.init) ?? ""
    // Names are compared with their bytes: foreign ones may be equal as texts.
    let directory = FileName.directory(of: path)
    _ = try clear(directory.isEmpty ? "." : directory, isBegin: false) { $0.isExactly(name) }
  }

  private static func clear(_ directory: String, isBegin: Bool, _ isWanted: (String) -> Bool) throws -> [String] {
    var removed: [String] = []
    for name in ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).sorted() {
      guard let (target, ending) = parts(of: name, isBegin: isBegin), isWanted(target) else { continue }
      let path = "\(directory)/\(name)"
      if ending == "previous", putBack(path, as: "\(directory)/\(target)") { continue }
      do {
        try FileManager.default.removeItem(atPath: path)
        removed.append(path)
      } catch {
        throw CarinaError(
          .cannotWrite, "what a process that was killed left here cannot be removed", at: path,
          remedy: "Check the permissions of its directory.")
      }
    }
    return removed
  }

  /// The name that was being written, and in which state; nil for any other name, and where the process is alive.
  private static func parts(of name: String, isBegin: Bool) -> (target: String, ending: String)? {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count >= 3, let ending = parts.last, ending == "partial" || ending == "previous",
      let process = pid_t(parts[parts.count - 2]), process > 0,
      isBegin && process == getpid() || kill(process, 0) != 0 && errno == ESRCH
    else { return nil }
    return (parts.dropLast(2).joined(separator: "."), String(ending))
  }

  private static func putBack(_ path: String, as target: String) -> Bool {
    !FileManager.default.fileExists(atPath: target) && rename(path, target) == 0
  }
}
