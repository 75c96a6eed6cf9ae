import CarinaRuntime
import Foundation

/// The training log as Weights & Biases reads it: an offline run, `wandb/offline-run-TIME-ID/` in a run's directory, that
/// `wandb sync` uploads when its owner asks for it. Nothing here touches the network.
///
/// The records are made anew from the log whenever a run begins or goes on, under the id that it began with; so the
/// newest upload has every step once, and replaces what an earlier one left.
final class WandbRun {
  /// The directory's name in a run's directory.
  static let directoryName = "wandb"
  private static let prefix = "offline-run-"

  private let path: String
  private let file: FileHandle
  private var records: WandbRecords

  /// Writes the run so far.
  /// - Parameters:
  ///   - project: where the run goes when it is uploaded.
  ///   - log: the training log, cut to the steps done.
  ///   - configuration: what the run was asked for.
  ///   - now: seconds since 1970; the steps of the log are dated back from it by the seconds that they took.
  /// - Throws: `CarinaError.cannotWrite`; `.badData` for a log that is none.
  init(run directory: String, project: String, log: String, configuration: JSONValue, now: Double) throws {
    var lines: [JSONValue] = []
    let reader = try LineReader(log)
    while let line = try reader.next() {
      lines.append(try JSONValue.parse(line, source: "\(log), line \(reader.number)"))
    }
    var time = now - lines.reduce(0) { $0 + ($1["seconds"]?.double ?? 0) }
    let (path, id) = try Self.place(
      in: "\(directory)/\(Self.directoryName)", run: directory, configuration, now: now)
    try AtomicFile.makeDirectory("\(path)/files")
    let config = configuration.object ?? JSONObject()
    try Self.writeFiles(to: "\(path)/files", config: config, started: time)

    var records = WandbRecords(start: time)
    var bytes = try records.opening(
      id: id, project: project, name: directory.split(separator: "/").last.map(String.init) ?? "run", config: config)
    for line in lines {
      time += line["seconds"]?.double ?? 0
      bytes += try records.line(line, time: time)
    }
    let target = "\(path)/run-\(id).wandb"
    // What was uploaded before was less than this.
    if FileManager.default.fileExists(atPath: "\(target).synced") { try AtomicFile.remove("\(target).synced") }
    try AtomicFile.write(bytes, to: target)
    guard let file = FileHandle(forUpdatingAtPath: target) else {
      throw CarinaError(.cannotWrite, "the offline run cannot be opened", at: target, remedy: "Check its permissions.")
    }
    do {
      try file.seekToEnd()
    } catch {
      throw WriteFailure.error(target, "the offline run cannot be written")
    }
    self.path = path
    self.file = file
    self.records = records
    try writeSummary()
  }

  /// Adds a step or a validation, as its line of the log has it.
  /// - Throws: `CarinaError.cannotWrite`.
  func append(_ line: JSONValue, time: Double) throws {
    try write(records.line(line, time: time))
    if line["kind"] != nil { try writeSummary() }
  }

  /// Ends the run.
  /// - Parameter exitCode: that of the program; 0 for a run that is finished.
  /// - Throws: `CarinaError.cannotWrite`.
  func finish(exitCode: Int, time: Double) throws {
    try write(records.end(exitCode: exitCode, time: time))
    try writeSummary()
  }

  private func write(_ bytes: Data) throws {
    do {
      try file.write(contentsOf: bytes)
    } catch {
      throw WriteFailure.error(path, "the offline run cannot be written")
    }
  }

  private func writeSummary() throws {
    try JSONValue.object(records.summary).write(to: "\(path)/files/wandb-summary.json")
  }

  /// The directory of the run that lies there, or of a new one.
  private static func place(
    in parent: String, run directory: String, _ configuration: JSONValue, now: Double
  ) throws -> (path: String, id: String) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
    if let name = names.filter({ $0.hasPrefix(prefix) }).max(), let id = name.split(separator: "-").last {
      return ("\(parent)/\(name)", String(id))
    }
    // Another run of the same options has another directory or another time.
    let text = try configuration.serialized(sortedKeys: true, indented: false)
    let id = String(SHA256Digest.of("\(text)\n\(directory)\n\(now)").prefix(8))
    return ("\(parent)/\(prefix)\(universalTime(now, "%04d%02d%02d_%02d%02d%02d"))-\(id)", id)
  }

  private static func universalTime(_ seconds: Double, _ format: String) -> String {
    var count = time_t(seconds), parts = tm()
    gmtime_r(&count, &parts)
    return String(
      format: format, parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec)
  }

  private static func writeFiles(to path: String, config: JSONObject, started: Double) throws {
    // A value in JSON is one in YAML.
    let yaml = try config.map {
      "\(try JSONValue.string($0.key).serialized()):\n    value: \(try $0.value.serialized())\n"
    }
    try AtomicFile.write(yaml.joined(), to: "\(path)/config.yaml")
    let arguments = CommandLine.arguments
    let metadata: JSONValue = [
      "args": .array(arguments.dropFirst().map { .string($0) }), "program": .string(arguments.first ?? ""),
      "os": .string(ProcessInfo.processInfo.operatingSystemVersionString),
      "startedAt": .string(universalTime(started, "%04d-%02d-%02dT%02d:%02d:%02dZ")),
      "carina": .string(CarinaVersion.current),
    ]
    try metadata.write(to: "\(path)/wandb-metadata.json")
  }
}
