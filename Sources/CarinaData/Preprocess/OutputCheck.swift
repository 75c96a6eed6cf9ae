import CarinaRuntime
import Foundation

/// Refuses to replace what `preprocess` has not written.
enum OutputCheck {
  /// - Throws: `CarinaError.usage` when the output exists and is something else, or is whole while parts are asked for.
  static func requireReplaceable(_ options: PreprocessOptions, allSplits: Bool) throws {
    let files = FileManager.default
    PreprocessWorkspace.clearDone(options.output)
    guard files.fileExists(atPath: options.output) else { return }
    // Which of the parts would replace it, and which has come late?
    guard options.part.count == 1 || files.fileExists(atPath: options.output + ".partial") else {
      throw partIsLate(options.output)
    }
    if allSplits { try splits(options.output) } else { try shards(options.output) }
  }

  /// What a part is told that comes to an output which is whole.
  static func partIsLate(_ output: String) -> CarinaError {
    CarinaError(
      .usage, "exists already, and \(setting: .part) replaces nothing", at: output,
      remedy: "All parts may be done. Else remove it, or give a new directory as \(setting: .output).")
  }

  private static func splits(_ output: String) throws {
    let parts = (try? FileManager.default.contentsOfDirectory(atPath: output)) ?? []
    guard
      parts.allSatisfy({ FileManager.default.fileExists(atPath: "\(output)/\($0)/\(ShardFormat.manifest)") }),
      !parts.isEmpty || isDirectory(output)
    else {
      throw CarinaError(
        .usage, "exists and is no directory of splits, so it is not replaced", at: output,
        remedy: "Give a new directory as \(setting: .output).")
    }
    for part in parts { try shards(output + "/" + part) }
  }

  private static func shards(_ output: String) throws {
    let contents = (try? FileManager.default.contentsOfDirectory(atPath: output)) ?? []
    let isOurs = contents.allSatisfy { name in
      [ShardFormat.manifest, ShardFormat.rejected, ShardFormat.remarks].contains(name)
        || name.hasPrefix("shard-") && name.hasSuffix(".h5")
    }
    guard isDirectory(output), isOurs else {
      throw CarinaError(
        .usage, "exists and is no shard directory, so it is not replaced", at: output,
        remedy: "Give a new directory as \(setting: .output).")
    }
  }

  private static func isDirectory(_ path: String) -> Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
  }
}
