import CarinaRuntime
import CarinaTensor
import Foundation

/// A training run in its directory: log, checkpoints, record, resuming, final model.
///
/// A step depends on the weights, the moments and the step number alone, so a run that was killed and resumed writes
/// the digits of one that was not. When it saves decides no number.
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
  /// Refuses, before each save, files that are no longer those that the run began with.
  package var checkInputs: () throws -> Void = {}
  /// Seconds on a clock that nobody sets.
  package var clock: () -> Double = { ProcessInfo.processInfo.systemUptime }
  /// The room where a path lies.
  package var space: (String) -> DiskSpace = { DiskSpace(at: $0) }
  private let trainer: Trainer<Objective>
  private let forecast: DiskForecast
  private let writeModel: (String) throws -> Void
  private let keptCheckpoints = 2

  /// - Parameters:
  ///   - modelByteCount: about how many bytes the model takes on the disk.
  ///   - writeModel: writes the whole model as a directory at a path.
  package init(
    _ trainer: Trainer<Objective>, outputDirectory: String, configuration: JSONValue, modelByteCount: Int,
    writeModel: @escaping (String) throws -> Void
  ) {
    self.trainer = trainer
    self.outputDirectory = outputDirectory
    self.configuration = configuration
    self.writeModel = writeModel
    forecast = DiskForecast(
      trained: trainer.everTrained, optimizer: trainer.settings.optimizer, model: modelByteCount)
  }

  private var finalModel: String { RunStart<Objective>.finalModel(in: outputDirectory) }
  private var bestModel: String { "\(outputDirectory)/best_model" }

  /// Runs to the end.
  /// - Throws: `CarinaError.interrupted` after a checkpoint when asked to stop; `.usage` when the directory holds a run
  ///   with another configuration, or every step would have the rate 0; `.badData` when training diverged, no weight
  ///   changed, a file of the run cannot be used or the weights it reads were replaced; `.internalFailure` when a frozen
  ///   weight changed; `.cannotWrite`, before the first step where the disk is too small.
  package func run() throws -> TrainingOutcome {
    let checkpoints = RunCheckpoints(outputDirectory: outputDirectory)
    let trained = trainer.everTrained, trainedNames = Set(trained.map(\.name))
    let start = RunStart(
      trainer: trainer, outputDirectory: outputDirectory, configuration: configuration, counts: counts, resume: resume,
      onRemark: onRemark)
    let lock = try TrainingLog.lock(directory: outputDirectory)
    let record = try start.record()
    if let record, try start.isFinished(record) {
      try clearAbandoned(checkpoints)
      return .alreadyFinished
    }
    try TrainedWeightsCheck.requireRate(of: trainer.schedule)
    let frozen = trainer.objective.parameters.filter { !trainedNames.contains($0.name) }
    let frozenBefore = ParameterDigest(frozen)
    var change = TrainedWeightsCheck(trained)

    var best = BestLoss(), written = (lines: 0, bytes: 0)
    if let state = try start.state(record) {
      for parameter in trained { if let value = state.weights[parameter.name] { parameter.assign(value.whole) } }
      trainer.resume(
        step: state.progress.step, moments: state.moments,
        stepGuard: try StepGuard(log: TrainingLog.path(outputDirectory), lineCount: state.progress.logLineCount))
      written = (state.progress.logLineCount, state.progress.logByteCount)
      best = BestLoss(state.progress.extra)
    }
    try forecast.require(remaining(checkpoints), keeping: keptCheckpoints, in: outputDirectory, space(outputDirectory))
    // Not earlier: opening cuts the log, and a run that is refused must be left as it is.
    let log = try TrainingLog(
      directory: outputDirectory, lineCount: written.lines, byteCount: written.bytes, lock: lock)
    try clearAbandoned(checkpoints)
    for path in try checkpoints.clear(before: trainer.step, keeping: keptCheckpoints) {
      onRemark("\(path) is half removed; the rest of it is removed too")
    }
    try writeRecord(finalModel: nil)

    let events =
      trainer.settings.writesTensorBoard
      ? try TensorBoardEvents(run: outputDirectory, log: log.path, now: Double(time(nil))) : nil
    let firstStep = trainer.step
    // A death between the checkpoint and the model of its step leaves this to be done.
    if validate != nil, best.step == firstStep, firstStep > 0 { try save(model: bestModel, "the best model") }
    var lastSave = clock(), saved = Set<Int>()
    while !trainer.isFinished {
      var report = try trainer.trainStep()
      change.note(report)
      remark(report)
      let closesEpoch = trainer.isAtEpochEnd || trainer.isFinished
      if closesEpoch, let validate {
        let loss = try finite(validate(), step: report.step)
        try trainer.objective.backend.throwFailure()
        report.validationLoss = loss
        if loss < best.loss { best = BestLoss(loss: loss, step: report.step) }
      }
      let line = try log.append(report)
      try events?.append(line, time: Double(time(nil)))
      onStep(report, trainer.totalSteps)
      let stops = shouldStop() && !trainer.isFinished, isBest = best.step == trainer.step
      // Before a model is written, so that a full disk or a death there costs nothing.
      if stops || isBest || trainer.isFinished || isCheckpointDue(closesEpoch: closesEpoch, since: lastSave) {
        try trainer.requireFinite(trained)
        try checkInputs()
        try forecast.requireCheckpoint(
          "the checkpoint of step \(trainer.step)", in: outputDirectory, space(outputDirectory))
        try log.sync()
        try checkpoints.write(state(trained, log: log, best: best))
        saved.insert(trainer.step)
        try checkpoints.prune(keeping: keptCheckpoints) { $0 <= firstStep || saved.contains($0) }
        lastSave = clock()
      }
      if isBest { try save(model: bestModel, "the best model") }
      if stops {
        throw CarinaError(
          .interrupted, "stopped after step \(trainer.step) of \(trainer.totalSteps); a checkpoint is written",
          at: outputDirectory, remedy: "Run the same command again to go on.")
      }
    }
    try trainer.requireTaken()
    try ParameterDigest(frozen).requireUnchanged(since: frozenBefore, what: "a frozen weight")
    try change.requireChanged(trained, peak: trainer.schedule.peak, tookSteps: trainer.step > firstStep)
    try save(model: finalModel, "the final model")
    try writeRecord(finalModel: FinalModel.list(finalModel))
    return .finished(steps: trainer.totalSteps)
  }

  private func clearAbandoned(_ checkpoints: RunCheckpoints) throws {
    for directory in [outputDirectory, checkpoints.path] {
      for path in try AbandonedFiles.clear(directory, isBegin: true) {
        onRemark("\(path) was left unfinished and is removed")
      }
    }
  }

  private func save(model path: String, _ what: String) throws {
    try checkInputs()
    try forecast.requireModel(what, in: outputDirectory, space(outputDirectory))
    try writeModel(path)
  }

  private func remark(_ report: StepReport) {
    if let cause = report.skipCause { onRemark("step \(report.step) is skipped: \(cause)") }
    if report.isSpike { onRemark("step \(report.step): the loss of \(report.loss) stands out above those before") }
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

  private func isCheckpointDue(closesEpoch: Bool, since lastSave: Double) -> Bool {
    let settings = trainer.settings
    if let every = settings.saveEverySteps, trainer.step % every == 0 { return true }
    if let every = settings.saveEveryEpochs, closesEpoch, (trainer.step / trainer.order.stepsPerEpoch) % every == 0 {
      return true
    }
    return settings.saveEvery.isDue(atStep: trainer.step, elapsed: clock() - lastSave)
  }

  private func state(_ trained: [Parameter], log: TrainingLog, best: BestLoss) throws -> TrainingState {
    let (epoch, samplesSeen) = trainer.position(after: trainer.step)
    return TrainingState(
      progress: TrainingState.Progress(
        step: trainer.step, epoch: epoch, samplesSeen: samplesSeen, logLineCount: log.lineCount,
        logByteCount: log.byteCount, configurationHash: try RunStart<Objective>.hash(configuration),
        extra: best.json),
      weights: Dictionary(uniqueKeysWithValues: trained.map { ($0.name, TensorSource(trainedValueOf: $0)) }),
      moments: trainer.optimizer.moments)
  }

  private func remaining(_ checkpoints: RunCheckpoints) -> DiskForecast.Remaining {
    let steps = trainer.totalSteps - trainer.step, perEpoch = trainer.order.stepsPerEpoch
    return DiskForecast.Remaining(
      steps: steps, validations: validate == nil ? 0 : (steps + perEpoch - 1) / perEpoch,
      checkpoints: checkpoints.steps().count, hasBest: FileManager.default.fileExists(atPath: bestModel))
  }

  private var counts: RunRecord.Counts {
    RunRecord.Counts(
      steps: trainer.totalSteps, stepsPerEpoch: trainer.order.stepsPerEpoch,
      trainedParameters: trainer.everTrained.reduce(0) { $0 + $1.count },
      allParameters: trainer.objective.parameters.reduce(0) { $0 + $1.count })
  }

  private func writeRecord(finalModel: JSONObject?) throws {
    try RunRecord.write(
      configuration: configuration, environment: RunEnvironment.json(on: Device(trainer.objective.backend)), counts,
      finalModel: finalModel, to: outputDirectory)
  }
}
