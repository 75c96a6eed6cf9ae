import CarinaRuntime
import CarinaTensor
import Foundation

/// A training run in its directory: log, checkpoints, record, resuming, final model.
///
/// A step depends on the weights, the moments and the step number alone, so a run that was killed and resumed writes
/// the digits of one that was not.
package struct TrainingRun<Objective: TrainingObjective> {
  /// Where everything goes.
  package let outputDirectory: String
  /// What decides the numbers: options, data and weight digests. A run with another configuration is not resumed.
  package let configuration: JSONValue
  /// Whether to go on from a checkpoint.
  package var resume = ResumePolicy.automatic
  /// Asked after each step; true stops at a checkpoint.
  package var shouldStop: () -> Bool = { false }
  /// Told each step.
  package var onStep: (StepReport, _ total: Int) -> Void = { _, _ in }
  /// Told what was noticed in the output directory, for the log.
  package var onRemark: (String) -> Void = { _ in }
  /// Mean loss on held-out data, taken at each epoch's end; the best model so far is kept.
  package var validate: (() throws -> Double)?
  private let trainer: Trainer<Objective>
  private let writeModel: (String) throws -> Void

  /// - Parameters:
  ///   - writeModel: writes the whole model as a directory at a path.
  package init(
    _ trainer: Trainer<Objective>, outputDirectory: String, configuration: JSONValue,
    writeModel: @escaping (String) throws -> Void
  ) {
    self.trainer = trainer
    self.outputDirectory = outputDirectory
    self.configuration = configuration
    self.writeModel = writeModel
  }

  private var finalModel: String { "\(outputDirectory)/final_model" }
  private var recordPath: String { "\(outputDirectory)/run.json" }

  /// Runs to the end.
  /// - Throws: `CarinaError.interrupted` after a checkpoint when asked to stop; `.usage` when the directory holds a run
  ///   with another configuration, or every step would have the rate 0; `.badData` when training diverged or no weight
  ///   changed; `.internalFailure` when a frozen one did; `.cannotWrite`.
  package func run() throws -> TrainingOutcome {
    let checkpoints = RunCheckpoints(outputDirectory: outputDirectory)
    let hash = SHA256Digest.of(try configuration.serialized(sortedKeys: true, indented: false))
    if try isFinished() { return .alreadyFinished }
    try TrainedWeightsCheck.requireRate(of: trainer.schedule)
    let trained = trainer.everTrained, trainedNames = Set(trained.map(\.name))
    let frozen = trainer.objective.parameters.filter { !trainedNames.contains($0.name) }
    let frozenBefore = ParameterDigest(frozen)
    var change = TrainedWeightsCheck(trained)

    var best = Double.infinity, written = (lines: 0, bytes: 0)
    if let found = try checkpoint(checkpoints) {
      let shapes = Dictionary(uniqueKeysWithValues: trained.map { ($0.name, $0.shape) })
      let state = try TrainingState(path: found, expecting: shapes, on: trainer.objective.backend)
      guard state.progress.configurationHash == hash else { throw otherConfiguration(found) }
      for parameter in trained { if let value = state.weights[parameter.name] { parameter.assign(value.whole) } }
      trainer.resume(step: state.progress.step, moments: state.moments)
      written = (state.progress.logLineCount, state.progress.logByteCount)
      best = state.progress.extra["best_validation_loss"]?.double ?? .infinity
    }
    // Not earlier: opening cuts the log, and a run that is refused must be left as it is.
    let log = try TrainingLog(directory: outputDirectory, lineCount: written.lines, byteCount: written.bytes)
    for directory in [outputDirectory, checkpoints.path] {
      for path in try AbandonedFiles.clear(directory) { onRemark("\(path) was left unfinished and is removed") }
    }
    try writeRecord(isFinished: false)

    let start = trainer.step
    while !trainer.isFinished {
      var report = try trainer.trainStep()
      change.note(report)
      let closesEpoch = trainer.isAtEpochEnd || trainer.isFinished
      if closesEpoch, let validate {
        let loss = try finite(validate(), step: report.step)
        try trainer.objective.backend.throwFailure()
        report.validationLoss = loss
        if loss < best {
          best = loss
          try writeModel("\(outputDirectory)/best_model")
        }
      }
      try log.append(report)
      onStep(report, trainer.totalSteps)
      let stops = shouldStop() && !trainer.isFinished
      if stops || isCheckpointDue(closesEpoch: closesEpoch) {
        try checkpoints.write(state(trained, log: log, hash: hash, best: best))
        try checkpoints.prune(keeping: 2)
      }
      if stops {
        throw CarinaError(
          .interrupted, "stopped after step \(trainer.step) of \(trainer.totalSteps); a checkpoint is written",
          at: outputDirectory, remedy: "Run the same command again to go on.")
      }
    }
    try ParameterDigest(frozen).requireUnchanged(since: frozenBefore, what: "a frozen weight")
    try change.requireChanged(trained, peak: trainer.schedule.peak, tookSteps: trainer.step > start)
    try writeModel(finalModel)
    try writeRecord(isFinished: true)
    return .finished(steps: trainer.totalSteps)
  }

  private func finite(_ loss: Double, step: Int) throws -> Double {
    guard loss.isFinite else {
      throw CarinaError(
        .badData, "training diverged: after step \(step) the loss on the held-out samples is not finite",
        found: "loss \(loss)",
        remedy: "Lower \(setting: TrainingSettings.name(\.learningRate)), or resume from an earlier checkpoint.")
    }
    return loss
  }

  private func isCheckpointDue(closesEpoch: Bool) -> Bool {
    let settings = trainer.settings
    if let every = settings.saveEverySteps, trainer.step % every == 0 { return true }
    if let every = settings.saveEveryEpochs, closesEpoch, (trainer.step / trainer.order.stepsPerEpoch) % every == 0 {
      return true
    }
    return false
  }

  private func state(_ trained: [Parameter], log: TrainingLog, hash: String, best: Double) -> TrainingState {
    let perStep = trainer.settings.batchSize * trainer.settings.gradientAccumulationSteps
    return TrainingState(
      progress: TrainingState.Progress(
        step: trainer.step, epoch: trainer.step / trainer.order.stepsPerEpoch,
        samplesSeen: min(
          trainer.step % trainer.order.stepsPerEpoch * perStep, trainer.order.sampleCount),
        logLineCount: log.lineCount, logByteCount: log.byteCount, configurationHash: hash,
        extra: best.isFinite ? ["best_validation_loss": .number(best)] : [:]),
      weights: Dictionary(uniqueKeysWithValues: trained.map { ($0.name, TensorSource(trainedValueOf: $0)) }),
      moments: trainer.optimizer.moments)
  }

  private func checkpoint(_ checkpoints: RunCheckpoints) throws -> String? {
    switch resume {
    case .from(let path): return path
    case .automatic:
      let latest = checkpoints.latest()
      for path in latest?.incomplete ?? [] { onRemark("\(path) is not whole and is passed over") }
      return latest?.path
    case .never:
      guard checkpoints.latest() == nil && !FileManager.default.fileExists(atPath: finalModel) else {
        throw CarinaError(
          .usage, "the output directory already holds a run and \(setting: .resume) is never", at: outputDirectory,
          remedy: "Name another \(setting: .outputDirectory), or remove this one.")
      }
      return nil
    }
  }

  private func isFinished() throws -> Bool {
    guard FileManager.default.fileExists(atPath: finalModel), FileManager.default.fileExists(atPath: recordPath),
      resume == .automatic
    else { return false }
    let record = try JSONValue.parseFile(recordPath)
    guard record["finished"]?.bool == true else { return false }
    // Key by key: the record's keys are sorted.
    guard let recorded = record["configuration"],
      ConfigurationDifference.list(recorded: recorded, asked: configuration).isEmpty
    else { throw otherConfiguration(recordPath) }
    return true
  }

  private func otherConfiguration(_ path: String) -> CarinaError {
    let recorded = (try? JSONValue.parseFile(recordPath))?["configuration"]
    let differences = recorded.map { ConfigurationDifference.list(recorded: $0, asked: configuration) } ?? []
    return CarinaError(
      .usage, "this run was started with another configuration", at: path,
      found: differences.isEmpty ? nil : differences.joined(separator: "; "),
      remedy: "Use the same options and data, or another \(setting: .outputDirectory).")
  }

  private func writeRecord(isFinished: Bool) throws {
    let record: JSONValue = [
      "configuration": configuration, "environment": RunEnvironment.json(on: Device(trainer.objective.backend)),
      "finished": .bool(isFinished),
      "steps": .integer(trainer.totalSteps), "steps_per_epoch": .integer(trainer.order.stepsPerEpoch),
      "trained_parameters": .integer(trainer.everTrained.reduce(0) { $0 + $1.count }),
      "all_parameters": .integer(trainer.objective.parameters.reduce(0) { $0 + $1.count }),
    ]
    try record.write(to: recordPath)
  }
}
