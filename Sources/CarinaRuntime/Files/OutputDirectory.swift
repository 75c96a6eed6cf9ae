import Foundation

/// Where results may go: never into the directory of an input, which they would change.
public enum OutputDirectory {
  /// Refuses an output that is the directory of an input or lies inside it, and one that replaces a directory in which
  /// an input lies. Links are followed, and what is not there yet is taken as it is written. An input below the output
  /// is welcome.
  /// - Parameters:
  ///   - inputs: directories that are read.
  ///   - replaced: names in the output that are replaced as a whole.
  /// - Throws: `CarinaError.usage` naming both.
  public static func require(_ output: String, outside inputs: [String], replacing replaced: [String] = []) throws {
    let own = components(output)
    for input in inputs {
      let theirs = components(input)
      if own.starts(with: theirs) {
        throw CarinaError(
          .usage,
          own == theirs
            ? "the output is the directory of an input" : "the output lies inside the directory of an input",
          at: output, found: "the input \(input)", remedy: "Name another directory for the output.")
      }
      for name in replaced where theirs.starts(with: own + [name]) {
        throw CarinaError(
          .usage, "an input lies where the output will be written", at: input, found: "the output \(output)/\(name)",
          remedy: "Name another directory for the output.")
      }
    }
  }

  /// The names on the way from the root to a path, links followed as far as the path is there.
  static func components(_ path: String) -> [String] {
    let whole = path.hasPrefix("/") ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
    var names: [String] = []
    for name in whole.split(separator: "/") where name != "." {
      if name == ".." {
        _ = names.popLast()
        continue
      }
      names.append(String(name))
      guard let resolved = realpath("/" + names.joined(separator: "/"), nil) else { continue }
      defer { free(resolved) }
      names = String(cString: resolved).split(separator: "/").map(String.init)
    }
    return names
  }
}
