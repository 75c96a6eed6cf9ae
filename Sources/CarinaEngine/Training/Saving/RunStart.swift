import CarinaRuntime
import Foundation

/// What a run finds in its directory, and where it starts from: nothing, a checkpoint, or its own end.
package struct RunStart<Objective: TrainingObjective> {
  private let trainer: Trainer<Objective>
  private let outputDirectory: String
  private let configuration: JSONValue
  private let counts: RunRecord.Counts
  private let resume: ResumePolicy
  private let goesOnAnyway: Bool
  private let onRemark: (String) -> Void

  /// - Parameters:
  ///   - goesOnAnyway: whether a run of another configuration is gone on with.
  ///   - onRemark: told what was noticed, for the log.
  package init(
    trainer: Trainer<Objective>, outputDirectory: String, configuration: JSONValue, counts: RunRecord.Counts,
    resume: ResumePolicy, goesOnAnyway: Bool = false, onRemark: @escaping (String) -> Void
  ) {
    self.goesOnAnyway = goesOnAnyway
    self.trainer = trainer
    self.outputDirectory = outputDirectory
    self.configuration = configuration
    self.counts = counts
    self.resume = resume
    self.onRemark = onRemark
  }

  /// Where the model goes at the end.
  static func finalModel(in directory: String) -> String { "\(directory)/final_model" }

  private var finalModel: String { Self.finalModel(in: outputDirectory) }
  private var checkpoints: RunCheckpoints { RunCheckpoints(outputDirectory: outputDirectory) }
  private var hasFinalModel: Bool { FileManager.default.fileExists(atPath: finalModel) }

  /// The record of the run that is in the directory; nil where there is none to go on from.
  /// - Throws: `CarinaError.usage` for a run that is not to be touched or is another one, `.badData`.
  func record() throws -> RunRecord? {
    let isThere = hasFinalModel || !checkpoints.steps().isEmpty
    if resume == .never {
      guard !isThere else {
        throw CarinaError(
          .usage, "the output directory already holds a run and \(setting: .resume) is never", at: outputDirectory,
          remedy: "Name another \(setting: .outputDirectory), or remove this one.")
      }
      return nil
    }
    guard isThere else {
      if (try? RunRecord(directory: outputDirectory))?.isFinished == true {
        onRemark("this run was finished, and neither its final model nor a checkpoint is there: it starts over")
      }
      return nil
    }
    guard let record = try RunRecord(directory: outputDirectory) else { return nil }
    if !goesOnAnyway || record.differences(from: configuration).isEmpty { try record.require(configuration, counts) }
    return record
  }

  /// What is done about checkpoints: a branch that was begun from the named one is gone on with.
  private func policy(_ record: RunRecord?) -> ResumePolicy {
    guard case .from(let path) = resume, let record, let branch = record.branches.last,
      record.differences(from: configuration).isEmpty,
      resolved(path) == resolved(checkpoints.directory(step: branch.step))
    else { return resume }
    return .automatic
  }

  private func resolved(_ path: String) -> String {
    URL(fileURLWithPath: path).standardizedFileURL.resolvingSymlinksInPath().path
  }

  /// Whether the run has come to its end and its model is whole.
  /// - Throws: `CarinaError.badData` when the model is damaged and there is no checkpoint to make it from.
  func isFinished(_ record: RunRecord) throws -> Bool {
    guard record.isFinished, policy(record) == .automatic, hasFinalModel,
      record.differences(from: configuration).isEmpty
    else { return false }
    guard let damage = FinalModel.damage(in: finalModel, recorded: record.finalModel) else { return true }
    guard !checkpoints.steps().isEmpty else {
      throw CarinaError(
        .badData, "the final model of this finished run is damaged, and no checkpoint is there to make it from",
        at: finalModel, found: damage,
        remedy: "Restore it, or train again in another \(setting: .outputDirectory).")
    }
    onRemark("the final model is damaged and is made again from the last checkpoint: \(damage)")
    return false
  }

  /// The state to go on from: that of the checkpoint that was named, or of the newest that can be used; nil to start
  /// from nothing.
  /// - Throws: `CarinaError.badData` when there are checkpoints and none can be used; `.usage` for those of another
  ///   configuration.
  package func state(_ record: RunRecord?) throws -> TrainingState? {
    switch policy(record) {
    case .never: return nil
    case .from(let path):
      var isDirectory: ObjCBool = false
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue else {
        throw CarinaError(
          .missingInput, "\(setting: .resume) names no checkpoint", at: path,
          expected: "auto, never, or the directory of a checkpoint, such as \(checkpoints.directory(step: 100))",
          remedy: "Leave \(setting: .resume) out to go on from the newest one.")
      }
      return try state(at: path, record)
    case .automatic:
      var damaged: [String] = []
      for step in checkpoints.steps().reversed() {
        let path = checkpoints.directory(step: step)
        do {
          let state = try state(at: path, record)
          if !damaged.isEmpty { onRemark("the run goes on from \(path)") }
          return state
        } catch let error as CarinaError where error.kind == .badData || error.kind == .missingInput {
          onRemark("\(path) cannot be used and is passed over: \(error)")
          damaged.append("\(error)")
        }
      }
      guard damaged.isEmpty else {
        throw CarinaError(
          .badData, "no checkpoint of this run can be used", at: checkpoints.path,
          found: damaged.joined(separator: " "),
          remedy: "Restore one of them, or start over in another \(setting: .outputDirectory).")
      }
      return nil
    }
  }

  private func state(at path: String, _ record: RunRecord?) throws -> TrainingState {
    let shapes = Dictionary(uniqueKeysWithValues: trainer.everTrained.map { ($0.name, $0.shape) })
    var state = try TrainingState(
      path: path, expecting: shapes, optimizer: trainer.settings.optimizer, on: trainer.objective.backend)
    let step = state.progress.step, hash = try ConfigurationHash.of(configuration)
    let expected = try record.map { try $0.configurationHash(atStep: step) } ?? hash
    guard state.progress.configurationHash == expected else {
      // A record that agrees leaves only the checkpoint to be wrong, unless it is one from elsewhere.
      throw CarinaError(
        record == nil || policy(record) != .automatic ? .usage : .badData,
        "this run was started with another configuration",
        at: path, remedy: "Use the same options and data, or another \(setting: .outputDirectory).")
    }
    let log = (lines: state.progress.logLineCount, bytes: state.progress.logByteCount)
    let logged = try? LoggedSteps(log: TrainingLog.path(outputDirectory), lineCount: log.lines)
    try require(state.progress, isOfOtherOptions: expected != hash, lines: logged, at: path)
    if let branch = record?.branches.last, branch.step == step, branch.forgetsBest { state.progress.extra = [:] }
    // A run that went back to an earlier step cut the log, and a loss of power may have: what lies ahead of its end
    // cannot be gone on from.
    try TrainingLog.require(directory: outputDirectory, lineCount: log.lines, byteCount: log.bytes)
    return state
  }

  /// What decides the value of a validation besides the weights, as the configuration names it.
  private var measured: [String] {
    [
      "data.transform", "data.validation", "models.", "text.", "precision", "base_weights", "vision_weights",
      "byte_rounding",
      "settings.label_smoothing", "validation.best_metric", "validation.eval_limit", "validation.eval_max_new_tokens",
    ]
  }

  /// The branch that begins with a state; nil where the run goes on as it went.
  package func branch(from state: TrainingState, _ record: RunRecord?) throws -> RunBranch? {
    guard let record else { return nil }
    let differences = record.differences(from: configuration), step = state.progress.step
    var isNamed = false
    if case .from = policy(record) { isNamed = true }
    guard isNamed || !differences.isEmpty else { return nil }
    let steps = checkpoints.steps()
    guard steps.contains(step) else {
      // Whoever comes after a death has to find where the branch began.
      guard !differences.isEmpty else { return nil }
      throw CarinaError(
        .usage, "a run goes on with changed options from its own checkpoints alone", at: outputDirectory,
        expected: checkpoints.directory(step: step), remedy: "Put the checkpoint there.")
    }
    let best = BestEvaluation.step(in: state.progress.extra)
    // The newest checkpoint knows of which step the best model is.
    let kept = steps.last.flatMap { last in
      try? JSONValue.parseFile("\(checkpoints.directory(step: last))/\(TrainingState.stateName)")["progress"]?["extra"]
    }.flatMap(BestEvaluation.step)
    let hasBest = FileManager.default.fileExists(atPath: "\(outputDirectory)/best_model")
    // The model of the state's own step is made again.
    let isLost = best != nil && best != step && (kept != best || !hasBest)
    let movesBest = hasBest && (kept == nil || kept != best)
    let isAhead = hasFinalModel || movesBest || steps.contains { $0 > step }
    return RunBranch(
      step: step, configurationHash: state.progress.configurationHash, differences: differences,
      setAside: isAhead ? RunSetAside.name("\(record.branches.count + 1)") : nil, movesBest: movesBest,
      forgetsBest: isLost || differences.contains { difference in measured.contains(where: difference.hasPrefix) })
  }

  /// Refuses numbers that do not follow from the step; of other options only those that follow whatever they were.
  private func require(
    _ progress: TrainingState.Progress, isOfOtherOptions: Bool, lines: LoggedSteps?, at path: String
  ) throws {
    let step = progress.step
    guard (1...max(1, trainer.totalSteps)).contains(step) else {
      throw CarinaError(
        .badData, "the checkpoint is of a step that this run does not have", at: path,
        expected: "1 to \(trainer.totalSteps)", found: "\(step)")
    }
    let (epoch, samplesSeen) = trainer.position(after: step)
    let position = [("epoch", epoch, progress.epoch), ("samples_seen", samplesSeen, progress.samplesSeen)]
    var problems = (isOfOtherOptions ? [] : position).filter { $0.1 != $0.2 }.map {
      "\($0.0) is \($0.2), not \($0.1)"
    }
    if let unlogged = progress.unlogged, unlogged.step != step {
      problems.append("the step without a line in the log is \(unlogged.step)")
    }
    let loggedCount = progress.unlogged == nil ? step : step - 1
    if let lines, lines.count != loggedCount || lines.readCount != progress.logLineCount {
      problems.append(
        "log_lines is \(progress.logLineCount), and of the log's first \(lines.readCount) lines \(lines.count) are of steps"
      )
    }
    if let best = BestEvaluation.step(in: progress.extra), !(1...step).contains(best) {
      problems.append("best_step is \(best)")
    }
    guard problems.isEmpty, progress.logByteCount >= progress.logLineCount else {
      throw CarinaError(
        .badData, "the checkpoint's numbers do not belong together", at: path, expected: "those of step \(step)",
        found: problems.isEmpty ? "\(progress.logByteCount) log_bytes" : problems.joined(separator: "; "),
        remedy: "Resume from an earlier step: \(setting: .resume) DIR.")
    }
  }
}
