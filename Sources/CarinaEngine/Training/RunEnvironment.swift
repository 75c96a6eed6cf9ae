import CarinaRuntime
import CarinaTensor
import Foundation
import Synchronization

/// What a run was made with, for its record: program, versions, processor, source revision.
public enum RunEnvironment {
  private static let resolved = Mutex<[String]?>(nil)

  /// Chooses the words that records have for this process's command line: those that repeat it without the files and
  /// names that they came from.
  public static func use(command: [String]) { resolved.withLock { $0 = command } }

  private static var command: [String] { resolved.withLock { $0 } ?? CommandLine.arguments }

  /// As a JSON object, for what was computed on a device.
  package static func json(on device: Device) -> JSONValue {
    var facts = JSONObject([
      ("carina", .string(CarinaVersion.current)), ("revision", revision.map { .string($0) } ?? .null),
      ("processor", .string(Processor.description)), ("threads", .integer(ThreadTeam.count)),
      ("matrix_product", .string(device.productName)),
      ("operating_system", .string(ProcessInfo.processInfo.operatingSystemVersionString)),
      ("command", .array(command.map { .string($0) })),
      ("directory", .string(FileManager.default.currentDirectoryPath)),
    ])
    // A run of the processor has no such key, as none had before there was another device.
    if let card = device.backend.deviceName { facts["device"] = .string(card) }
    return .object(facts)
  }

  /// What there is to say where a run goes on on another device than the one in its record; nil on the same one.
  static func remark(on device: Device, after record: JSONValue) -> String? {
    let before = record["device"]?.string, here = device.backend.deviceName
    guard before != here else { return nil }
    return "the run goes on on \(here ?? "the processor"); so far it was computed on \(before ?? "the processor"), "
      + "whose digits are not the same to the last"
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
