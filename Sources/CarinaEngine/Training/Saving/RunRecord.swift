import CarinaRuntime
import Foundation

/// `run.json`: what a run was asked to compute, where it ran, how long it is, and what it ended in.
package struct RunRecord {
  /// The file's name in a run's directory.
  package static let fileName = "run.json"
  private static let formatVersion = 2
  /// What a configuration calls `ByteRounding.version`, where matrices are in 8 bits.
  package static let byteRoundingKey = "byte_rounding"
  private static let countKeys = ["steps", "steps_per_epoch", "trained_parameters", "all_parameters"]

  /// What a run has in numbers.
  package struct Counts: Equatable, Sendable {
    /// Optimizer steps, of the whole run and of an epoch.
    package let steps: Int, stepsPerEpoch: Int
    /// Numbers in the weights that some epoch trains, and in all.
    package let trainedParameters: Int, allParameters: Int

    /// Collects the numbers.
    package init(steps: Int, stepsPerEpoch: Int, trainedParameters: Int, allParameters: Int) {
      self.steps = steps
      self.stepsPerEpoch = stepsPerEpoch
      self.trainedParameters = trainedParameters
      self.allParameters = allParameters
    }

    fileprivate var values: [Int] { [steps, stepsPerEpoch, trainedParameters, allParameters] }
  }

  private let path: String
  private let document: JSONObject
  /// Where the run went on in another way, in the order of time.
  package let branches: [RunBranch]

  /// The record of a run in its directory; nil where there is none.
  /// - Throws: `CarinaError.badData` when the file was changed or damaged.
  package init?(directory: String) throws { try self.init(path: "\(directory)/\(RunRecord.fileName)") }

  /// The record at a path; nil where there is none.
  /// - Throws: as `init(directory:)`.
  package init?(path: String) throws {
    self.path = path
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    do {
      let root = JSONNode(try .parseFile(path), source: path)
      document = try root.object()
      // Records of before there were versions have neither a version nor a digest.
      if document["format_version"] != nil || document["digest"] != nil {
        try document.requireSeal(source: path)
        let version = try root["format_version"].count()
        guard version == RunRecord.formatVersion else {
          throw root["format_version"].failure("\(RunRecord.formatVersion)")
        }
      }
      for key in ["configuration", "environment"] { _ = try root[key].object() }
      for key in RunRecord.countKeys { _ = try root[key].count() }
      _ = try root["finished"].flag()
      branches = try root["branches"].optional?.elements().map { try RunBranch($0) } ?? []
    } catch let error as CarinaError where error.kind == .badData && error.remedy == nil {
      throw CarinaError(
        .badData, error.what, at: error.location, expected: error.expected, found: error.found,
        remedy: "Restore it, or remove it: then the checkpoints alone say what the run was.")
    }
  }

  /// Whether the run came to its end.
  package var isFinished: Bool { document["finished"]?.bool == true }
  /// The files of the final model, as `FinalModel.list` gives them; nil where the run has none, or its version did not
  /// list them.
  package var finalModel: JSONObject? { document["final_model"]?.object }
  /// Where and how the run was made.
  package var environment: JSONValue { document["environment"] ?? .null }
  /// Everything that decides the numbers of the run.
  package var configuration: JSONValue { document["configuration"] ?? .null }

  /// What decides the numbers of this run and of another configuration, where they differ.
  package func differences(from configuration: JSONValue) -> [String] {
    ConfigurationDifference.list(recorded: completed, asked: configuration)
  }

  /// The configuration with what records leave out that are older than the key.
  private var completed: JSONValue {
    let list = FrozenWeightsSettingList.declared
    guard var object = configuration.object, object[Self.byteRoundingKey] == nil,
      [list.base.recordKey, list.vision.recordKey].contains(where: { object[$0]?.string == WeightStorage.int8.rawValue }
      )
    else { return configuration }
    object[Self.byteRoundingKey] = 1
    return .object(object)
  }

  /// The digest by which a checkpoint of this run knows what decided its numbers; nil for one of before the options
  /// were changed, from which the run cannot go on as it did.
  package func configurationHash(atStep step: Int) throws -> String? {
    guard let change = branches.last(where: \.isChange), step <= change.step else {
      return try ConfigurationHash.of(configuration)
    }
    return step == change.step ? change.configurationHash : nil
  }

  /// Refuses to go on with a run of another configuration or another size.
  /// - Throws: `CarinaError.usage` with what differs in the configuration; `.badData` where it is the same and the
  ///   numbers that follow from it are not.
  package func require(_ configuration: JSONValue, _ counts: Counts) throws {
    // Key by key: the record's keys are sorted.
    let differences = differences(from: configuration)
    guard differences.isEmpty else {
      throw CarinaError(
        .usage, "this run was started with another configuration", at: path, found: differences.joined(separator: "; "),
        remedy:
          "Use the same options and data, or another \(setting: .outputDirectory); \(setting: .resumeAnyway) goes on with the change and records it."
      )
    }
    let changes = zip(RunRecord.countKeys, counts.values).compactMap { key, value -> String? in
      let recorded = document[key]?.int
      return recorded == value ? nil : "\(key) was \(recorded.map(String.init) ?? "missing"), is \(value)"
    }
    guard changes.isEmpty else {
      throw CarinaError(
        .badData, "the record of the run does not agree with its configuration", at: path,
        found: changes.joined(separator: "; "),
        remedy: "Restore it, or remove it: then the checkpoints alone say what the run was.")
    }
  }

  /// Writes the record of a run.
  /// - Parameters:
  ///   - finalModel: the files of the final model; nil while there is none.
  ///   - branches: where it went on in another way.
  /// - Throws: `CarinaError.cannotWrite`.
  package static func write(
    configuration: JSONValue, environment: JSONValue, _ counts: Counts, finalModel: JSONObject?,
    branches: [RunBranch] = [], to directory: String
  ) throws {
    var document = JSONObject([
      ("format_version", .integer(formatVersion)), ("configuration", configuration), ("environment", environment),
      ("finished", .bool(finalModel != nil)),
    ])
    for (key, value) in zip(countKeys, counts.values) { document[key] = .integer(value) }
    if !branches.isEmpty { document["branches"] = .array(branches.map(\.json)) }
    document["final_model"] = finalModel.map(JSONValue.object)
    try JSONValue.object(document.sealed()).write(to: "\(directory)/\(fileName)")
  }
}
