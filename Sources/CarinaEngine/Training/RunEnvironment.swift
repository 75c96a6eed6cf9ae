import CarinaRuntime
import CarinaTensor
import Foundation

/// What a run was made with, for its record: program, versions, processor, source revision.
package enum RunEnvironment {
  /// As a JSON object, for what was computed on a device.
  package static func json(on device: Device) -> JSONValue {
    [
      "carina": .string(CarinaVersion.current), "revision": revision.map { .string($0) } ?? .null,
      "processor": .string(Processor.description), "threads": .integer(ThreadTeam.count),
      "matrix_product": .string(device.productName),
      "operating_system": .string(ProcessInfo.processInfo.operatingSystemVersionString),
      "command": .array(CommandLine.arguments.map { .string($0) }),
    ]
  }

  /// The commit that is checked out where the program runs or was built; nil outside a checkout.
  private static var revision: String? {
    let starts = [
      FileManager.default.currentDirectoryPath, FileName.directory(of: CommandLine.arguments[0]),
    ]
    for start in starts {
      var directory = URL(fileURLWithPath: start).standardizedFileURL.path
      while true {
        if let head = text(directory + "/.git/HEAD") {
          return commit(of: head.trimmingCharacters(in: .whitespacesAndNewlines), git: directory + "/.git")
        }
        let parent = FileName.directory(of: directory)
        if parent == directory || parent.isEmpty { break }
        directory = parent
      }
    }
    return nil
  }

  private static func text(_ path: String) -> String? {
    (try? ReadableFile.read(path, limit: .document)).map { String(decoding: $0, as: UTF8.self) }
  }

  private static func commit(of head: String, git: String) -> String? {
    guard head.hasPrefix("ref: ") else { return head }
    let name = String(head.dropFirst(5))
    if let loose = text("\(git)/\(name)") {
      return loose.trimmingCharacters(in: .whitespacesAndNewlines)
    }
    let packed = text("\(git)/packed-refs") ?? ""
    return packed.split(separator: "\n").first { $0.hasSuffix(" " + name) }?.split(separator: " ").first.map(
      String.init)
  }
}
