import CarinaRuntime
import CarinaTensor
import Foundation

/// Drives an objective step by step: order, accumulation, clipping, optimizer, schedule.
///
/// The loss of an optimizer step is one mean over all its supervised tokens, whatever the number of micro-batches, so
/// accumulating k batches gives the gradient of one batch k times as large.
package final class Trainer<Objective: TrainingObjective> {
  /// What is trained.
  package let objective: Objective
  /// The run's numbers.
  package let settings: TrainingSettings
  /// The optimizer with its state.
  package let optimizer: AdamW
  /// Order of samples, and the learning rate of each step.
  package let order: EpochOrder
  /// Learning rate of each step: that of the adapters, else of the decoder, else of whatever is trained.
  package let schedule: LearningRateSchedule
  /// Optimizer steps done.
  package private(set) var step = 0
  /// What was usual so far, and what was skipped.
  package private(set) var stepGuard = StepGuard()

  /// What the gradients owed to chance so far, where that is measured.
  package private(set) var gradientNoise = GradientNoise()

  private let communicator: GradientCommunicator
  private let loader = DispatchQueue(label: "carina.training.loader")
  private var upcoming: (step: Int, batches: Upcoming)?
  private var epochSamples: (epoch: Int, samples: [Int])?
  /// Steps that this process has done.
  private var stepsHere = 0
  /// Steps after which what an epoch did not need is rare, where epochs are short.
  private let fewestStepsToSettle = 512

  /// The batches of a step, while the loader prepares them.
  // Unchecked: the loader writes `result` before it signals and the trainer reads it after waiting; `prepare` touches
  // neither the model nor anything that a step changes.
  private final class Upcoming: @unchecked Sendable {
    let samples: [[Int]]
    private let objective: Objective, epoch: Int
    private let done = DispatchSemaphore(value: 0)
    private var prepared: Result<[Objective.Batch], Error>?

    init(_ objective: Objective, samples: [[Int]], epoch: Int) {
      self.objective = objective
      self.samples = samples
      self.epoch = epoch
    }

    func prepare() {
      prepared = Result { try samples.map { try objective.prepare($0, epoch: epoch) } }
      done.signal()
    }

    func wait() throws -> [Objective.Batch] {
      done.wait()
      guard let prepared else { throw CarinaError(.internalFailure, "the loader gave no result") }
      return try prepared.get()
    }
  }

  /// Prepares a run that has done nothing yet.
  /// - Throws: `CarinaError.usage` for impossible settings, `.badData` when there are no samples.
  package init(
    _ objective: Objective, settings: TrainingSettings, communicator: GradientCommunicator = SingleMachine()
  ) throws {
    try settings.validate()
    guard objective.sampleCount > 0 else {
      throw CarinaError(.badData, "there is nothing to train on: the data holds no samples")
    }
    try Trainer.requireDistinctNames(objective.parameters)
    self.objective = objective
    self.settings = settings
    self.communicator = communicator
    optimizer = AdamW(settings.optimizer, weightDecay: Float(settings.weightDecay))
    order = EpochOrder(settings, sampleCount: objective.sampleCount, lengths: objective.sampleLengths)
    try order.requireSteps()
    // Adapters come last, and before them the decoder: what a run is about.
    let peak = objective.trainedParameters(epoch: 0).last.flatMap(objective.ownRate)
    schedule = LearningRateSchedule(settings, order, peak: peak)
    objective.backend.settle(false)
    enterEpoch(0)
  }

  /// Refuses weights of the same name, of which the optimizer and checkpoints would keep one state.
  private static func requireDistinctNames(_ parameters: [Parameter]) throws {
    var owners: [String: Parameter] = [:]
    for parameter in parameters {
      if let other = owners[parameter.name], other !== parameter {
        throw CarinaError(.internalFailure, "two weights of the run have one name", found: parameter.name)
      }
      owners[parameter.name] = parameter
    }
  }

  /// Optimizer steps of the whole run.
  package var totalSteps: Int { schedule.totalSteps }
  /// Whether the run is over.
  package var isFinished: Bool { step >= totalSteps }
  /// The epoch that the next step belongs to.
  package var epoch: Int { min(step, totalSteps - 1) / order.stepsPerEpoch }
  /// Whether the last step done closed an epoch.
  package var isAtEpochEnd: Bool { step > 0 && step % order.stepsPerEpoch == 0 }

  /// The epoch of the step that follows `step` steps, and how many samples of it those have used.
  package func position(after step: Int) -> (epoch: Int, samplesSeen: Int) {
    let inEpoch = step % order.stepsPerEpoch
    return (step / order.stepsPerEpoch, min(inEpoch * order.samplesPerStep, order.samplesPerEpoch))
  }

  /// Every weight that some epoch of the run trains.
  package var everTrained: [Parameter] {
    var seen = Set<String>()
    let epochs = Set([0, 1, settings.epochCount - 1].filter { $0 < settings.epochCount }).sorted()
    return epochs.flatMap(objective.trainedParameters).filter { seen.insert($0.name).inserted }
  }

  /// Goes on from a stored state: `step` steps done, weights already assigned.
  package func resume(
    step: Int, moments: [String: AdamW.Moments], stepGuard: StepGuard = StepGuard(),
    gradientNoise: GradientNoise = GradientNoise()
  ) {
    self.step = step
    self.stepGuard = stepGuard
    self.gradientNoise = gradientNoise
    optimizer.moments = moments
    upcoming = nil
    enterEpoch(epoch)
  }

  /// Does the next optimizer step.
  ///
  /// Where the loss or a gradient is not finite, the weights stay as they are and the report says what made it so.
  /// - Parameter shouldStop: asked before each micro-batch, and each piece of one.
  /// - Throws: what reading samples throws; `CarinaError.badData` when more steps in a row were skipped than are
  ///   allowed, or a weight is not finite; `StopRequest` where it was asked to stop: then the step is still to be done.
  package func trainStep(shouldStop: () -> Bool = { false }) throws -> StepReport {
    // Not the time of day, which somebody may set.
    let start = ProcessInfo.processInfo.systemUptime
    let epoch = self.epoch
    if step > 0 && step % order.stepsPerEpoch == 0 { enterEpoch(epoch) }
    // Behind the validation that closes an epoch.
    if stepsHere == max(order.stepsPerEpoch, fewestStepsToSettle) { objective.backend.settle(true) }
    stepsHere += 1
    let (batches, samples) = try takeBatches()
    let wait = ProcessInfo.processInfo.systemUptime - start
    let trained = objective.trainedParameters(epoch: epoch)

    let weight = batches.reduce(0) { $0 + objective.weight(of: $1) }
    let totalWeight = try communicator.sum(Double(weight))
    guard totalWeight > 0 else {
      throw CarinaError(
        .badData, "step \(step + 1) has no supervised token", remedy: "Check the answers of its samples.")
    }
    var losses: [LossSum] = []
    objective.begin(step: step)
    var first: GradientNoise.Mean?
    var isWhole = false
    defer { if !isWhole { for parameter in trained { parameter.clearGradient() } } }
    for (index, batch) in batches.enumerated() {
      try StopRequest.check(shouldStop)
      losses.append(
        try objective.accumulate(batch, scale: Float(1 / totalWeight), finiteWatch: nil) {
          try StopRequest.check(shouldStop)
        })
      let own = Double(objective.weight(of: batch))
      if index == 0, settings.measuresGradientNoise, batches.count > 1, own > 0 {
        first = GradientNoise.Mean(
          norms: GradientNorms(trained, component: objective.component), sampleCount: Double(samples[0].count),
          factor: totalWeight / own)
      }
    }
    isWhole = true
    try communicator.sumGradients(trained)
    // Here the step is waited for, and only here.
    let norms = GradientNorms(trained, component: objective.component), norm = norms.whole
    let lossSum = LossSum.values(losses).reduce(0, +)
    try objective.backend.throwFailure()
    let loss = try communicator.sum(lossSum) / totalWeight
    let isSound = loss.isFinite && norm.isFinite
    let rate = schedule.rate(step: step)
    let cause =
      isSound ? nil : try skip(batches, samples: samples, scale: Float(1 / totalWeight), trained, shouldStop)
    let isSpike = isSound && stepGuard.note(loss: loss)
    if isSound {
      for (peak, parameters) in rateGroups(trained) {
        optimizer.step(
          parameters, rate: schedule.with(peak: peak).rate(step: step), norm: norm,
          maximumNorm: settings.maximumGradientNorm)
      }
    }
    step += 1
    var report = StepReport(
      step: step, epoch: epoch, loss: loss, gradientNorm: norm, learningRate: rate, supervisedTokens: weight,
      seconds: ProcessInfo.processInfo.systemUptime - start, dataWaitMilliseconds: wait * 1000)
    report.gradientNorms = norms.parts
    if isSound, let first {
      let count = try communicator.sum(Double(samples.reduce(0) { $0 + $1.count }))
      report.gradientNoise = gradientNoise.note(
        GradientNoise.parts(first, GradientNoise.Mean(norms: norms, sampleCount: count)))
    }
    report.skipCause = cause
    report.isSpike = isSpike
    return report
  }

  /// The weights by their learning rate at its peak, each group in its order.
  private func rateGroups(_ trained: [Parameter]) -> [(peak: Double, parameters: [Parameter])] {
    var groups: [(peak: Double, parameters: [Parameter])] = []
    for parameter in trained {
      let peak = objective.ownRate(of: parameter) ?? settings.learningRate
      if let index = groups.firstIndex(where: { $0.peak == peak }) {
        groups[index].parameters.append(parameter)
      } else {
        groups.append((peak, [parameter]))
      }
    }
    return groups
  }

  /// Makes exactly the epoch's weights trainable.
  private func enterEpoch(_ epoch: Int) {
    let trained = Set(objective.trainedParameters(epoch: epoch).map(\.name))
    for parameter in objective.parameters where parameter.isTrainable != trained.contains(parameter.name) {
      parameter.setTrainable(trained.contains(parameter.name))
    }
    optimizer.forget(except: trained)
  }

  /// Forgets the gradients of a step in which something was not finite.
  /// - Returns: which operation made the first such number, and for which samples.
  /// - Throws: `CarinaError.badData` when it is one step too many in a row, or a weight is not finite; `StopRequest`.
  private func skip(
    _ batches: [Objective.Batch], samples: [[Int]], scale: Float, _ trained: [Parameter], _ shouldStop: () -> Bool
  ) throws -> String {
    try requireFinite(trained)
    defer { for parameter in trained { parameter.clearGradient() } }
    let cause = try cause(batches, samples: samples, scale: scale, trained, shouldStop)
    stepGuard.noteSkipped()
    guard stepGuard.skippedInRow <= settings.maximumSkippedSteps else {
      throw divergence(
        "the loss or a gradient is no longer finite", at: nil,
        found: "\(cause), and nothing finite in the \(stepGuard.skippedInRow - 1) steps before")
    }
    return cause
  }

  /// Goes through the micro-batches again, for the first number that is not finite.
  private func cause(
    _ batches: [Objective.Batch], samples: [[Int]], scale: Float, _ trained: [Parameter], _ shouldStop: () -> Bool
  ) throws -> String {
    // What adapters drop is the same again.
    objective.begin(step: step)
    for (batch, rows) in zip(batches, samples) {
      try StopRequest.check(shouldStop)
      for parameter in trained { parameter.clearGradient() }
      let watch = FiniteWatch()
      _ = try objective.accumulate(batch, scale: scale, finiteWatch: watch) { try StopRequest.check(shouldStop) }
      let gradient = trained.first { $0.gradient.map { !$0.isFinite } ?? false }
      guard let first = watch.first ?? gradient.map({ "the gradient of \($0.name)" }) else { continue }
      let names = rows.prefix(8).map(objective.sampleName), others = rows.count - names.count
      return "\(first) is not finite; samples \(names.joined(separator: ", "))"
        + (others > 0 ? " and \(others) more" : "")
    }
    return "the sum over the step's micro-batches is not finite"
  }

  /// Refuses weights that are not finite, which no later step would mend.
  /// - Throws: `CarinaError.badData` that names the weight.
  func requireFinite(_ weights: [Parameter]) throws {
    guard let lost = weights.first(where: { !$0.value.converted(to: .float32).isFinite }) else { return }
    throw divergence("a weight is no longer finite", at: lost.name, found: nil)
  }

  /// Refuses a run of which every step was skipped.
  /// - Throws: `CarinaError.badData`.
  func requireTaken() throws {
    guard stepGuard.skipped >= step else { return }
    throw divergence("every step was skipped, as the loss or a gradient was never finite", at: nil, found: nil)
  }

  private func divergence(_ what: String, at location: String?, found: String?) -> CarinaError {
    CarinaError(
      .badData, "training diverged at step \(step + 1): \(what)", at: location, found: found,
      remedy: "Lower \(setting: TrainingSettings.name(\.learningRate)), or resume from an earlier checkpoint.")
  }

  private func takeBatches() throws -> (batches: [Objective.Batch], samples: [[Int]]) {
    let current = upcoming.flatMap { $0.step == step ? $0.batches : nil } ?? startLoading(step: step)
    let batches = Result { try current.wait() }
    upcoming = step + 1 < totalSteps ? (step + 1, startLoading(step: step + 1)) : nil
    return (try batches.get(), current.samples)
  }

  private func startLoading(step: Int) -> Upcoming {
    let epoch = step / order.stepsPerEpoch
    if epochSamples?.epoch != epoch { epochSamples = (epoch, order.samples(epoch: epoch)) }
    let micro = order.microBatches(epochSamples?.samples ?? [], stepInEpoch: step % order.stepsPerEpoch)
    let upcoming = Upcoming(objective, samples: micro, epoch: epoch)
    loader.async { upcoming.prepare() }
    return upcoming
  }
}
