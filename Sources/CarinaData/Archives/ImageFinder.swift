import CarinaRuntime
import Foundation

/// Finds under which of several usual paths an archive's image lies below the image roots.
final class ImageFinder {
  private let roots: [String]
  private var listed: [ExactText: String]?
  /// How many paths were found with the separators of Windows as slashes.
  private(set) var windowsPaths = 0

  init(_ roots: [String]) { self.roots = roots }

  /// The first candidate that exists; the first of all where none does, so that it is counted as missing.
  func first(_ candidates: [String]) -> String {
    if let found = candidates.first(where: exists) { return found }
    guard let found = candidates.lazy.compactMap(WindowsPath.slashed).first(where: exists) else { return candidates[0] }
    windowsPaths += 1
    return found
  }

  /// A path as it is, or with slashes for the separators of Windows where only that is a file.
  func resolved(_ path: String) -> String {
    guard let slashed = WindowsPath.slashed(path), !exists(path), exists(slashed) else { return path }
    windowsPaths += 1
    return slashed
  }

  /// A path with slashes where it has no other separators than those of Windows.
  func slashed(_ path: String) -> String {
    guard !path.utf8.contains(UInt8(ascii: "/")), let slashed = WindowsPath.slashed(path) else { return path }
    windowsPaths += 1
    return slashed
  }

  private func exists(_ path: String) -> Bool {
    (path.hasPrefix("/") && access(path, F_OK) == 0) || roots.contains { access("\($0)/\(path)", F_OK) == 0 }
  }

  /// The path of a file name that lies directly in a root or in `NAME/` or `NAME/images/` below it.
  func named(_ name: String) -> String { (listed ?? list())[ExactText(name)] ?? name }

  private func list() -> [ExactText: String] {
    var paths: [ExactText: String] = [:]
    let files = FileManager.default
    func add(_ root: String, _ folder: String, deeper: Int) {
      let path = folder.isEmpty ? root : root + "/" + folder
      for name in ((try? files.contentsOfDirectory(atPath: path)) ?? []).sortedExactly() {
        let relative = folder.isEmpty ? name : folder + "/" + name
        var isDirectory: ObjCBool = false
        let isImage = name.hasSuffix(".png") || name.hasSuffix(".jpg") || name.hasSuffix(".jpeg")
        if isImage {
          if paths[ExactText(name)] == nil { paths[ExactText(name)] = relative }
        } else if deeper > 0, files.fileExists(atPath: root + "/" + relative, isDirectory: &isDirectory),
          isDirectory.boolValue
        {
          add(root, relative, deeper: deeper - 1)
        }
      }
    }
    for root in roots { add(root, "", deeper: 2) }
    listed = paths
    return paths
  }
}
