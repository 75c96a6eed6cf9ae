import Foundation

/// Real data beside the package, for those who have it.
enum SharedData {
  /// The path of a name in the directory `shared` beside the package.
  static func path(_ name: String, file: String = #filePath) -> String {
    var package = URL(fileURLWithPath: file)
    while package.path != "/"
      && !FileManager.default.fileExists(atPath: package.appendingPathComponent("Package.swift").path)
    {
      package.deleteLastPathComponent()
    }
    // A checkout may lie a directory deeper than the package usually does.
    let parents = [
      package.deletingLastPathComponent(), package.deletingLastPathComponent().deletingLastPathComponent(),
    ]
    let candidates = parents.map { $0.appendingPathComponent("shared/" + name).path }
    return candidates.first { FileManager.default.fileExists(atPath: $0) } ?? candidates[0]
  }

  static func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }
}
