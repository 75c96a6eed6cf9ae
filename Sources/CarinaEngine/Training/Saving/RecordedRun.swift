import CarinaRuntime
import Foundation

/// A run as its `run.json` tells it, to be repeated.
public struct RecordedRun: Sendable {
  /// The file.
  public let path: String
  /// The program that ran, the words of its command line, and the directory in which it was started; nil in records
  /// that do not say.
  public let program: String, arguments: [String], directory: String?
  private let record: RunRecord

  /// What has to be the same data and the same weights, by the keys of a configuration.
  private static let inputs = [
    "data.shards", "data.transform", "data.validation", "models.vision", "models.language", "models.projector",
    "models.siglip",
  ]

  /// Reads a record; a run's directory stands for the one in it.
  /// - Throws: `CarinaError.missingInput`, `.badData` for something else than the record of a training run.
  public init(_ path: String) throws {
    var isDirectory: ObjCBool = false
    let isThere = FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
    self.path = isThere && isDirectory.boolValue ? "\(path)/\(RunRecord.fileName)" : path
    if isThere, let document = try? JSONValue.parseFile(self.path), document["configuration"] == nil {
      throw CarinaError(
        .badData, "is no record of a run", at: self.path,
        expected: "the \(RunRecord.fileName) of a training run, or its directory",
        found: document.object.map { "a file of other keys: \(NameList.text(Array($0.keys.prefix(3))))" }
          ?? document.kindName,
        remedy: "Name the directory that the run wrote, in which its \(RunRecord.fileName) lies.")
    }
    let found: RunRecord?
    do {
      found = try RunRecord(path: self.path)
    } catch let error as CarinaError {
      // Of a run's own record the advice is another.
      throw CarinaError(
        error.kind, error.what, at: error.location, expected: error.expected, found: error.found,
        remedy: "Give the record of another run, or restore this one.")
    }
    guard let record = found else {
      throw CarinaError(
        .missingInput, "there is no record of a run", at: self.path,
        expected: "the \(RunRecord.fileName) of a training run, or its directory")
    }
    self.record = record
    let words = record.environment["command"]?.array?.compactMap(\.string) ?? []
    guard let program = words.first else {
      throw CarinaError(.badData, "the record does not say which command the run was", at: self.path)
    }
    self.program = program.split(separator: "/").last.map(String.init) ?? program
    arguments = Array(words.dropFirst())
    directory = record.environment["directory"]?.string
  }

  /// Compares a run with this one, which it repeats.
  /// - Parameters:
  ///   - hasFreshProjector: then its weights follow from the seed and are no input.
  ///   - isAnyway: whether other data or weights are taken.
  /// - Returns: what differs, for the log.
  /// - Throws: `CarinaError.badData` for other data or weights, unless that was asked for.
  package func remarks(
    on configuration: JSONValue, hasFreshProjector: Bool = false, isAnyway: Bool
  ) throws -> [String] {
    let found = differences(from: configuration, hasFreshProjector: hasFreshProjector)
    guard found.inputs.isEmpty || isAnyway else {
      throw CarinaError(
        .badData, "the data or weights are not those of the run that is to be repeated", at: path,
        found: found.inputs.joined(separator: "; "),
        remedy: "Use the same files, or add \(setting: .configAnyway) to take these.")
    }
    let all = found.inputs + found.others
    return all.isEmpty ? [] : ["other than in \(path): \(all.joined(separator: "; "))"]
  }

  /// What decides the numbers of a run and of this one, where they differ: first the data and weights, which a
  /// repetition is refused for, then the rest.
  /// - Parameter hasFreshProjector: then its weights follow from the seed and are no input.
  package func differences(
    from configuration: JSONValue, hasFreshProjector: Bool
  ) -> (inputs: [String], others: [String]) {
    let all = record.differences(from: configuration)
    let keys = Self.inputs.filter { !hasFreshProjector || $0 != "models.projector" }
    func isInput(_ difference: String) -> Bool { keys.contains { difference.hasPrefix("\($0) was ") } }
    return (all.filter(isInput), all.filter { !isInput($0) })
  }
}
