import CarinaRuntime
import Foundation

/// Finds the files that records name: in the first root, then in the second, and so on.
struct ImageRoots {
  let roots: [String]

  /// - Throws: `CarinaError.missingInput` when a root is no directory.
  init(_ roots: [String]) throws {
    for root in roots {
      var isDirectory: ObjCBool = false
      guard FileManager.default.fileExists(atPath: root, isDirectory: &isDirectory), isDirectory.boolValue else {
        throw CarinaError(
          .missingInput, "there is no such directory", at: root, remedy: "Check \(setting: .imageRoot).")
      }
    }
    self.roots = roots
  }

  /// The file of a record's image; nil when no root has it. An absolute path is taken as it is.
  func locate(_ image: String) -> String? {
    let candidates = image.hasPrefix("/") ? [image] : roots.map { $0 + "/" + image }
    return candidates.first { access($0, F_OK) == 0 }
  }
}
