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
  /// Whether to go on although the configuration is another one.
  package var goesOnAnyway = false
  /// Asked after each step and within it, before each micro-batch or piece of one; true stops at a checkpoint of the last
  /// step that is done whole.
  package var shouldStop: () -> Bool = { false }
  /// Told each step.
  package var onStep: (StepReport, _ total: Int) -> Void = { _, _ in }
  /// Told what was noticed in the output directory, for the log.
  package var onRemark: (String) -> Void = { _ in }
  /// Mean loss on held-out data; the best model so far is kept. It may end in a `StopRequest`.
  package var validate: (() throws -> Double)?
  /// When that loss is taken.
  package var validationInterval = EvaluationInterval.epoch
  /// Validation with records of its own, which then takes the place of `validate`.
  package var evaluation: RunEvaluation?
  /// What the best model is chosen by, and when the run stops for want of a better one.
  package var bestPolicy = BestEvaluation()
  /// Told each validation with records of its own.
  package var onValidation: (ValidationReport) -> Void = { _ in }
  /// Other numbers that were taken along with that loss, under their names in the log.
  package var validationScores: () -> [(name: String, value: Double)] = { [] }
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

  private var backend: any Backend { trainer.objective.backend }
  private var finalModel: String { RunStart<Objective>.finalModel(in: outputDirectory) }
  private var closesEpoch: Bool { trainer.isAtEpochEnd || trainer.isFinished }
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
      goesOnAnyway: goesOnAnyway, onRemark: onRemark)
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

    var best = bestPolicy, logged = LoggedSteps(), written = (lines: 0, bytes: 0), branches = record?.branches ?? [],
      begun: RunBranch?, unlogged: StepReport?
    // What a death in the middle of it left ahead of a branch would be taken for the branch's own.
    if let last = branches.last, last.isPending { try RunSetAside(last, in: outputDirectory)?.move() }
    if let state = try start.state(record) {
      for parameter in trained { if let value = state.weights[parameter.name] { parameter.assign(value.whole) } }
      let log = TrainingLog.path(outputDirectory), count = state.progress.logLineCount
      logged = try LoggedSteps(log: log, lineCount: count)
      var noise =
        trainer.settings.measuresGradientNoise ? try GradientNoise(log: log, lineCount: count) : GradientNoise()
      unlogged = state.progress.unlogged
      if let unlogged {
        logged.note(unlogged: unlogged)
        _ = noise.note(unlogged.gradientNoise)
      }
      trainer.resume(
        step: state.progress.step, moments: state.moments, stepGuard: logged.stepGuard, gradientNoise: noise)
      if let remark = record.flatMap({ RunEnvironment.remark(on: Device(backend), after: $0.environment) }) {
        onRemark(remark)
      }
      written = (state.progress.logLineCount, state.progress.logByteCount)
      best = bestPolicy.resumed(state.progress.extra)
      begun = try start.branch(from: state, record)
      if begun?.forgetsBest == true { best = bestPolicy }
    }
    try forecast.require(
      remaining(checkpoints, after: begun), keeping: keptCheckpoints, in: outputDirectory, space(outputDirectory))
    if let begun {
      onRemark(begun.remark)
      branches.append(begun)
      if let ahead = RunSetAside(begun, in: outputDirectory) {
        try ahead.begin()
        // From here on whoever comes next moves the rest.
        try writeRecord(finalModel: nil, branches)
        try ahead.move()
      }
    }
    if !branches.isEmpty { branches[branches.count - 1].isPending = false }
    // Not earlier: opening cuts the log, and a run that is refused must be left as it is.
    let log = try TrainingLog(
      directory: outputDirectory, lineCount: written.lines, byteCount: written.bytes, lock: lock)
    try clearAbandoned(checkpoints)
    for path in try checkpoints.clear(before: trainer.step, keeping: keptCheckpoints) {
      onRemark("\(path) is half removed; the rest of it is removed too")
    }
    try writeRecord(finalModel: nil, branches)

    let answers = try evaluation.map { _ in
      try ValidationAnswersFile(directory: outputDirectory, keeping: logged.validated)
    }
    let tracking = try RunTracking(
      run: outputDirectory, settings: trainer.settings, configuration: configuration, log: log.path,
      answers: answers?.earlier ?? [], pictures: evaluation?.pictures ?? { _ in [] })
    let firstStep = trainer.step
    // A death between the checkpoint and the model of its step leaves this to be done.
    if validate != nil || evaluation != nil, best.step == firstStep, firstStep > 0 {
      try save(model: bestModel, "the best model")
    }
    var lastSave = clock(), saved = Set<Int>()
    // A run that was stopped in a validation, or died behind a checkpoint of before it, begins with it.
    var isDue = unlogged == nil && isEvaluationPending(logged)
    while isDue || unlogged != nil || !(trainer.isFinished || best.isExhausted) {
      var isCutShort = false
      if !isDue {
        do {
          if unlogged == nil {
            let report = try trainer.trainStep(shouldStop: shouldStop)
            change.note(report)
            remark(report)
            best.note(stepLoss: report.loss)
            unlogged = report
          }
          if let done = unlogged {
            let report = try validated(done, &best)
            try tracking.append(try log.append(report))
            unlogged = nil
            onStep(report, trainer.totalSteps)
          }
        } catch is StopRequest {
          isCutShort = true
        }
        isDue = unlogged == nil && isEvaluationPending(logged)
      }
      if isDue {
        isDue = try !evaluate(&best, log, answers, tracking)
        if !isDue { logged.note(validationAfter: trainer.step) }
      }
      let ends = !isDue && unlogged == nil && (trainer.isFinished || best.isExhausted)
      let stops = isCutShort || (shouldStop() && !ends)
      // Of a step that was given up nothing is left, and what was best before it is saved.
      let isDropped = isCutShort && unlogged == nil
      let isBest = !isDropped && best.step == trainer.step
      let isSaved = isDropped && (trainer.step == firstStep || saved.contains(trainer.step))
      // Before a model is written, so that a full disk or a death there costs nothing.
      if !isSaved, stops || isBest || ends || isCheckpointDue(since: lastSave) {
        // What a card that was lost gives back is no weight.
        try backend.throwFailure()
        try trainer.requireFinite(trained)
        try checkInputs()
        try forecast.requireCheckpoint(
          "the checkpoint of step \(trainer.step)", in: outputDirectory, space(outputDirectory))
        try log.sync()
        try answers?.sync()
        try checkpoints.write(state(trained, log: log, best: best, unlogged: unlogged, branches))
        saved.insert(trainer.step)
        try checkpoints.prune(keeping: keptCheckpoints) { $0 <= firstStep || saved.contains($0) }
        lastSave = clock()
      }
      if isBest { try save(model: bestModel, "the best model") }
      if stops {
        try tracking.finish(exitCode: 75)
        throw interruption(isDropped: isDropped)
      }
    }
    if trainer.step < trainer.totalSteps {
      onRemark(
        "stopped early after step \(trainer.step) of \(trainer.totalSteps): \(best.metric.rawValue) has not improved in "
          + "\(best.countWithout) validations; the best is that of step \(best.step ?? 0)")
    }
    try trainer.requireTaken()
    let frozenAfter = ParameterDigest(frozen)
    try backend.throwFailure()
    try frozenAfter.requireUnchanged(since: frozenBefore, what: "a frozen weight")
    try change.requireChanged(trained, peak: trainer.schedule.peak, tookSteps: trainer.step > firstStep)
    try save(model: finalModel, "the final model")
    try tracking.finish(exitCode: 0)
    try writeRecord(finalModel: FinalModel.list(finalModel), branches)
    return .finished(steps: trainer.step)
  }

  private func interruption(isDropped: Bool) -> CarinaError {
    let total = trainer.totalSteps
    guard trainer.step > 0 else {
      return CarinaError(
        .interrupted, "stopped in the first of \(total) steps, before there was anything to keep", at: outputDirectory,
        remedy: "Run the same command again to begin anew.")
    }
    let middle = isDropped ? ", in the middle of the next" : ""
    return CarinaError(
      .interrupted, "stopped after step \(trainer.step) of \(total)\(middle); a checkpoint is written",
      at: outputDirectory, remedy: "Run the same command again to go on.")
  }

  /// A step that is done with the loss on held-out data, where that is taken after it.
  private func validated(_ step: StepReport, _ best: inout BestEvaluation) throws -> StepReport {
    guard isValidationDue, evaluation == nil, let validate else { return step }
    let loss = try finite(validate(), step: step.step)
    try backend.throwFailure()
    best.note(loss, step: step.step)
    var report = step
    report.validationLoss = loss
    report.validationScores = validationScores().map { StepReport.Score(name: $0.name, value: $0.value) }
    return report
  }

  /// Whether the last step done is one after which the loss on held-out data is taken.
  private var isValidationDue: Bool { validationCount(upTo: trainer.step) > validationCount(upTo: trainer.step - 1) }

  private func validationCount(upTo step: Int) -> Int {
    validationInterval.count(upTo: step, of: trainer.totalSteps, stepsPerEpoch: trainer.order.stepsPerEpoch)
  }

  /// How many validations with records of their own there are up to a step.
  private func evaluationCount(upTo step: Int) -> Int {
    evaluation?.interval.count(upTo: step, of: trainer.totalSteps, stepsPerEpoch: trainer.order.stepsPerEpoch) ?? 0
  }

  private func isEvaluationPending(_ logged: LoggedSteps) -> Bool {
    let step = trainer.step
    return step > 0 && evaluationCount(upTo: step) > evaluationCount(upTo: step - 1) && !logged.validated.contains(step)
  }

  /// Validates, with records of its own.
  /// - Returns: false where it was asked to stop.
  private func evaluate(
    _ best: inout BestEvaluation, _ log: TrainingLog, _ answers: ValidationAnswersFile?, _ tracking: RunTracking
  ) throws -> Bool {
    guard let evaluation else { return true }
    let epoch = (trainer.step - 1) / trainer.order.stepsPerEpoch
    guard var report = try evaluation.evaluate(trainer.step, epoch, shouldStop) else { return false }
    _ = try finite(report.loss, step: report.step)
    report.trainingLoss = best.metric == .trainingLoss ? best.trainingLoss : nil
    report.isBest = best.note(report.value(of: best.metric), step: report.step)
    try answers?.append(report.answers)
    try tracking.append(try log.append(report), answers: report.answers)
    onValidation(report)
    return true
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
    guard loss.isFinite else { throw TrainingDivergence.error(loss, after: step, on: .trueImage) }
    return loss
  }

  private func isCheckpointDue(since lastSave: Double) -> Bool {
    let settings = trainer.settings
    if let every = settings.saveEverySteps, trainer.step % every == 0 { return true }
    if let every = settings.saveEveryEpochs, closesEpoch, (trainer.step / trainer.order.stepsPerEpoch) % every == 0 {
      return true
    }
    return settings.saveEvery.isDue(atStep: trainer.step, elapsed: clock() - lastSave)
  }

  private func state(
    _ trained: [Parameter], log: TrainingLog, best: BestEvaluation, unlogged: StepReport?, _ branches: [RunBranch]
  ) throws -> TrainingState {
    let (epoch, samplesSeen) = trainer.position(after: trainer.step)
    // A branch that is at its first step still stands on what came before it.
    let change = branches.last(where: \.isChange).flatMap { $0.step == trainer.step ? $0 : nil }
    return TrainingState(
      progress: TrainingState.Progress(
        step: trainer.step, epoch: epoch, samplesSeen: samplesSeen, logLineCount: log.lineCount,
        logByteCount: log.byteCount,
        configurationHash: try change?.configurationHash ?? ConfigurationHash.of(configuration),
        extra: best.json, unlogged: unlogged),
      weights: Dictionary(uniqueKeysWithValues: trained.map { ($0.name, TensorSource(trainedValueOf: $0)) }),
      moments: trainer.optimizer.moments)
  }

  /// - Parameter branch: what lies ahead of it stays beside what is written.
  private func remaining(_ checkpoints: RunCheckpoints, after branch: RunBranch?) -> DiskForecast.Remaining {
    let steps = trainer.totalSteps - trainer.step
    return DiskForecast.Remaining(
      steps: steps,
      validations: evaluation != nil
        ? evaluationCount(upTo: trainer.totalSteps) - evaluationCount(upTo: trainer.step)
        : validate == nil ? 0 : validationCount(upTo: trainer.totalSteps) - validationCount(upTo: trainer.step),
      checkpoints: checkpoints.steps().count { $0 <= branch?.step ?? .max },
      // One that stays is copied too.
      hasBest: branch?.setAside == nil && branch?.movesBest != true
        && FileManager.default.fileExists(atPath: bestModel))
  }

  private var counts: RunRecord.Counts {
    RunRecord.Counts(
      steps: trainer.totalSteps, stepsPerEpoch: trainer.order.stepsPerEpoch,
      trainedParameters: trainer.everTrained.reduce(0) { $0 + $1.count },
      allParameters: trainer.objective.parameters.reduce(0) { $0 + $1.count })
  }

  private func writeRecord(finalModel: JSONObject?, _ branches: [RunBranch]) throws {
    try RunRecord.write(
      configuration: configuration, environment: RunEnvironment.json(on: Device(backend)), counts,
      finalModel: finalModel, branches: branches, to: outputDirectory)
  }
}
