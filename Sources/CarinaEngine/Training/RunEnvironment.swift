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
      FileManager.default.currentDirectoryPath, (CommandLine.arguments[0] as NSString).deletingLastPathComponent,
    ]
    for start in starts {
      var directory = URL(fileURLWithPath: start).standardizedFileURL.path
      while true {
        if let head = try? String(contentsOfFile: directory + "/.git/HEAD", encoding: .utf8) {
          return commit(of: head.trimmingCharacters(in: .whitespacesAndNewlines), git: directory + "/.git")
        }
        let parent = (directory as NSString).deletingLastPathComponent
        if parent == directory || parent.isEmpty { break }
        directory = parent
      }
    }
    return nil
  }

  private static func commit(of head: String, git: String) -> String? {
    guard head.hasPrefix("ref: ") else { return head }
    let name = String(head.dropFirst(5))
    if let loose = try? String(contentsOfFile: "\(git)/\(name)", encoding: .utf8) {
      return loose.trimmingCharacters(in: .whitespacesAndNewlines)
    }
    let packed = (try? String(contentsOfFile: "\(git)/packed-refs", encoding: .utf8)) ?? ""
    return packed.split(separator: "\n").first { $0.hasSuffix(" " + name) }?.split(separator: " ").first.map(
      String.init)
  }
}
