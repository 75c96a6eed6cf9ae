import CarinaRuntime
import Foundation

/// Finds the files that records name: in the first root, then in the second, and so on.
struct ImageRoots: Sendable {
  let roots: [String]
  /// Whether what lies outside the roots is refused.
  let isConfined: Bool
  // Without links, each ending in a slash.
  private let plainRoots: [String]

  /// - Throws: `CarinaError.missingInput` when a root is no directory.
  init(_ roots: [String], isConfined: Bool = false) throws {
    for root in roots {
      var isDirectory: ObjCBool = false
      guard FileManager.default.fileExists(atPath: root, isDirectory: &isDirectory), isDirectory.boolValue else {
        throw CarinaError(
          .missingInput, "there is no such directory", at: root, remedy: "Check \(setting: .imageRoot).")
      }
    }
    (self.roots, self.isConfined) = (roots, isConfined)
    plainRoots = roots.compactMap(ImageRoots.plain).map { $0.hasSuffix("/") ? $0 : $0 + "/" }
  }

  /// The file of a record's image; nil when no root has it. An absolute path is taken as it is.
  func locate(_ image: String) -> String? {
    guard FileName.isWhole(image) else { return nil }
    let candidates = image.hasPrefix("/") ? [image] : roots.map { $0 + "/" + image }
    return candidates.first { access($0, F_OK) == 0 }
  }

  /// Whether a file lies in none of the roots once all links and `..` of its path are followed.
  func isOutside(_ path: String) -> Bool {
    guard let plain = ImageRoots.plain(path) else { return true }
    // A root itself counts as inside: directories of images are asked about too.
    return !plainRoots.contains { plain.hasPrefix($0) || plain + "/" == $0 }
  }

  /// Refuses a file outside where that is asked for.
  /// - Parameter name: what the records call it.
  /// - Throws: `CarinaError.badData`.
  func requireAllowed(_ path: String, name: String) throws {
    guard isConfined, isOutside(path) else { return }
    throw CarinaError(
      .badData, "lies outside the image roots, which \(setting: .confine) forbids", at: name)
  }

  private static func plain(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}
