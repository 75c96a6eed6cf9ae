import Foundation

/// Finds under which of several usual paths an archive's image lies below the image roots.
final class ImageFinder {
  private let roots: [String]
  private var listed: [String: String]?

  init(_ roots: [String]) { self.roots = roots }

  /// The first candidate that exists; the first of all where none does, so that it is counted as missing.
  func first(_ candidates: [String]) -> String {
    candidates.first { candidate in roots.contains { access("\($0)/\(candidate)", F_OK) == 0 } } ?? candidates[0]
  }

  /// The path of a file name that lies directly in a root or in `NAME/` or `NAME/images/` below it.
  func named(_ name: String) -> String { (listed ?? list())[name] ?? name }

  private func list() -> [String: String] {
    var paths: [String: String] = [:]
    let files = FileManager.default
    func add(_ root: String, _ folder: String, deeper: Int) {
      let path = folder.isEmpty ? root : root + "/" + folder
      for name in ((try? files.contentsOfDirectory(atPath: path)) ?? []).sorted() {
        let relative = folder.isEmpty ? name : folder + "/" + name
        var isDirectory: ObjCBool = false
        let isImage = name.hasSuffix(".png") || name.hasSuffix(".jpg") || name.hasSuffix(".jpeg")
        if isImage {
          if paths[name] == nil { paths[name] = relative }
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
