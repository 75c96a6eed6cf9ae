import CarinaRuntime
import Foundation

/// Where an archive's annotations and images lie.
struct ArchiveInput {
  let path: String
  let finder: ImageFinder
  let roots: [String]
  /// Whether texts that lie outside the roots are refused.
  let isConfined: Bool
  /// Where state may wait that would not fit in memory.
  let spill: SpillPath

  var isDirectory: Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
  }

  /// The path itself when it is a file, else the files in it whose names are accepted, sorted. A name may end in `.gz`
  /// beside that; where a file is there plain and compressed, the plain one is taken. What macOS lays beside a file on
  /// other file systems and into archives, `._NAME` (AppleDouble), is none of them.
  /// - Throws: `CarinaError.missingInput` when there is none.
  func files(_ expected: String, where accept: (String) -> Bool) throws -> [String] {
    guard isDirectory else {
      guard FileManager.default.fileExists(atPath: path) else {
        throw CarinaError(.missingInput, "there is no such file", at: path, expected: expected)
      }
      return [path]
    }
    let all = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sortedExactly()
      .filter { !$0.hasPrefix("._") }
    let plain = Set(all.filter(accept).map(\.exact))
    let names = all.filter {
      let own = ArchiveInput.withoutCompression($0)
      return accept(own) && ($0.isExactly(own) || !plain.contains(ExactText(own)))
    }
    guard !names.isEmpty else {
      throw CarinaError(.missingInput, "does not hold the annotations", at: path, expected: expected)
    }
    return names.map { path + "/" + $0 }
  }

  /// A name without the ending of gzip.
  static func withoutCompression(_ name: String) -> String {
    name.hasSuffix(".gz") ? String(name.dropLast(3)) : name
  }

  /// The first of the names that is a file in the directory, or in the directory of the file; nil when none is.
  func beside(_ names: [String]) -> String? {
    let folder = isDirectory ? path : FileName.directory(of: path)
    return names.map { (folder.isEmpty ? "." : folder) + "/" + $0 }.first {
      FileManager.default.fileExists(atPath: $0)
    }
  }
}
