import CarinaRuntime
import Foundation

/// Where an archive's annotations and images lie.
struct ArchiveInput {
  let path: String
  let finder: ImageFinder
  let roots: [String]
  /// Where state may wait that would not fit in memory.
  let spill: SpillPath

  var isDirectory: Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
  }

  /// The path itself when it is a file, else the files in it whose names are accepted, sorted.
  /// - Throws: `CarinaError.missingInput` when there is none.
  func files(_ expected: String, where accept: (String) -> Bool) throws -> [String] {
    guard isDirectory else {
      guard FileManager.default.fileExists(atPath: path) else {
        throw CarinaError(.missingInput, "there is no such file", at: path, expected: expected)
      }
      return [path]
    }
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).filter(accept).sorted()
    guard !names.isEmpty else {
      throw CarinaError(.missingInput, "does not hold the annotations", at: path, expected: expected)
    }
    return names.map { path + "/" + $0 }
  }

  /// The first of the names that is a file in the directory, or in the directory of the file; nil when none is.
  func beside(_ names: [String]) -> String? {
    let folder = isDirectory ? path : FileName.directory(of: path)
    return names.map { (folder.isEmpty ? "." : folder) + "/" + $0 }.first {
      FileManager.default.fileExists(atPath: $0)
    }
  }
}
