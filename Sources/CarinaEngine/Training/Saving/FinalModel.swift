import CarinaRuntime
import Foundation

/// The files of a finished model, so that a damaged one is not taken for a result.
package enum FinalModel {
  /// Size and fingerprint of every file under a directory, by relative path.
  /// - Throws: `CarinaError.missingInput` when one cannot be read.
  package static func list(_ directory: String) throws -> JSONObject {
    var files = JSONObject()
    for name in try names(directory) {
      let (byteCount, fingerprint) = try read("\(directory)/\(name)")
      files[name] = ["bytes": .integer(byteCount), "fingerprint": .string(fingerprint)]
    }
    return files
  }

  /// What is wrong with the model in a directory, in words; nil where nothing is.
  /// - Parameter recorded: what `list` gave when it was written; nil where nobody kept it, and then it is only asked
  ///   whether weights and JSON are whole.
  package static func damage(in directory: String, recorded: JSONObject?) -> String? {
    guard let recorded else { return structuralDamage(in: directory) }
    for (name, entry) in recorded {
      let path = "\(directory)/\(name)"
      guard let (byteCount, fingerprint) = try? read(path) else { return "\(path) is not there" }
      if let expected = entry["bytes"]?.int, expected != byteCount {
        return "\(path) has \(byteCount) bytes instead of \(expected)"
      }
      if entry["fingerprint"]?.string != fingerprint { return "\(path) has other bytes than were written" }
    }
    return nil
  }

  private static func structuralDamage(in directory: String) -> String? {
    do {
      for name in try names(directory) {
        let path = "\(directory)/\(name)"
        if name.hasSuffix(".safetensors") { _ = try SafetensorsFile(path: path) }
        if name.hasSuffix(".json") { _ = try JSONValue.parseFile(path) }
      }
      return nil
    } catch {
      return "\(error)"
    }
  }

  private static func names(_ directory: String) throws -> [String] {
    do {
      return try FileManager.default.subpathsOfDirectory(atPath: directory).sorted().filter { name in
        var isDirectory: ObjCBool = false
        return FileManager.default.fileExists(atPath: "\(directory)/\(name)", isDirectory: &isDirectory)
          && !isDirectory.boolValue
      }
    } catch {
      throw CarinaError(.missingInput, "cannot be listed", at: directory, remedy: "Check its permissions.")
    }
  }

  private static func read(_ path: String) throws -> (byteCount: Int, fingerprint: String) {
    do {
      let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
      var fingerprint = Fingerprint(), byteCount = 0
      while let piece = try file.read(upToCount: 1 << 24), !piece.isEmpty {
        piece.withUnsafeBytes { fingerprint.update($0) }
        byteCount += piece.count
      }
      return (byteCount, fingerprint.description)
    } catch {
      throw CarinaError(.missingInput, "cannot be read: \(error.localizedDescription)", at: path)
    }
  }
}
