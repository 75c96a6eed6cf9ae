import CarinaRuntime

/// A step from which a run went on in another way on purpose: from an earlier checkpoint, or with changed options.
package struct RunBranch: Equatable, Sendable {
  /// Optimizer steps done when it began.
  package let step: Int
  /// The digest of what decided the numbers up to there.
  package let configurationHash: String
  /// What of that was changed, in words; none where the run only went back.
  package let differences: [String]
  /// Where what lay ahead went, in the run's directory; nil where nothing did.
  package let setAside: String?
  /// Whether the best model went there too, and whether the best loss so far counts no longer.
  package let movesBest: Bool, forgetsBest: Bool
  /// Whether what lies ahead has still to be moved, as after a death in the middle of it.
  package var isPending: Bool

  /// Whether options were changed.
  package var isChange: Bool { !differences.isEmpty }

  /// Collects the values.
  package init(
    step: Int, configurationHash: String, differences: [String], setAside: String?, movesBest: Bool,
    forgetsBest: Bool
  ) {
    self.step = step
    self.configurationHash = configurationHash
    self.differences = differences
    self.setAside = setAside
    self.movesBest = movesBest
    self.forgetsBest = forgetsBest
    isPending = setAside != nil
  }

  /// Reads an entry of `run.json`.
  /// - Throws: `CarinaError.badData` naming file and key.
  init(_ node: JSONNode) throws {
    step = try node["step"].count(from: 1)
    configurationHash = try node["configuration_hash"].text()
    differences = try node["changes"].elements().map { try $0.text() }
    setAside = try node["set_aside"].optional?.text()
    movesBest = try node["moves_best"].flag()
    forgetsBest = try node["forgets_best"].flag()
    isPending = try node["pending"].flag()
    // It becomes a path.
    if let setAside, setAside != RunSetAside.name(setAside.dropFirst(RunSetAside.prefix.count)) {
      throw node["set_aside"].failure("\(RunSetAside.prefix)N")
    }
  }

  /// The entry.
  var json: JSONValue {
    var object = JSONObject([
      ("step", .integer(step)), ("configuration_hash", .string(configurationHash)),
      ("changes", .array(differences.map(JSONValue.string))), ("moves_best", .bool(movesBest)),
      ("forgets_best", .bool(forgetsBest)), ("pending", .bool(isPending)),
    ])
    object["set_aside"] = setAside.map(JSONValue.string)
    return .object(object)
  }

  /// One line for the log.
  var remark: String {
    let changes = isChange ? " with changed options: \(differences.joined(separator: "; "))" : ""
    let ahead = setAside.map { "; what lay ahead is in \($0)" } ?? ""
    return "from step \(step) on the run is a branch\(changes)\(ahead)"
  }
}
