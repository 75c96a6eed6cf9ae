import Carina
import Foundation

/// A program that trains with these options.
public protocol JointTrainingCommand {
  /// What the command line asks for.
  /// - Throws: `CarinaError.usage`.
  func trainingOptions() throws -> JointTrainingOptions
}

/// Runs stage 1 or 2 and shows it: header, progress, outcome.
/// - Parameters:
///   - asked: what the command line asks for.
///   - dumpedSamples: how many samples are shown as ids before the first step.
///   - hasLivePage: whether a page in the run's directory shows it while it goes.
/// - Throws: what the engine throws.
public func runJointTraining(
  _ program: String, _ asked: JointTrainingOptions, dumpedSamples: Int = 0, hasLivePage: Bool = false,
  on device: Device
) throws {
  let training = try JointTraining(asked, on: device)
  let options = training.options, settings = options.settings, counts = training.sampleCounts
  let checkpointing =
    (training.forecast.isCheckpointed ? "yes" : "no")
    + (options.computing.gradientCheckpointing == nil ? ", as the memory allows" : "")
  // In pieces, which the compiler takes one at a time.
  var lines: [(name: String, value: String)] = [
    ("train-shards", "\(options.trainShards) (\(counts.train) samples)"),
    ("val-shards", options.validationShards.map { "\($0) (\(counts.validation ?? 0) samples)" } ?? "none"),
  ]
  if options.validation != ValidationSettings() { lines += headerLines(options.validation.texts) }
  lines +=
    options.checkpoint.map { [("checkpoint", $0)] }
    ?? [
      ("vision-model", options.visionModel), ("llm", options.languageModel),
      ("projector", options.projector ?? "fresh"),
    ]
  lines += [("projector-form", training.model.projector.summary), ("output-dir", options.outputDirectory)]
  if let assumption = training.imageAssumption { lines.append(("image-settings", assumption)) }
  lines += [
    (
      "trains",
      [
        options.policy.trainsProjector ? "projector" : nil,
        options.policy.trainsDecoder
          ? "language model" + (options.policy.freezesEmbeddings ? " without its embeddings" : "") : nil,
        options.policy.trainsVisionInFirstEpoch ? "vision encoder (first epoch)" : nil,
        options.lora.rank == nil ? nil : "adapters",
      ].compactMap { $0 }.joined(separator: ", ")
    )
  ]
  if options.lora.rank != nil {
    lines += headerLines(options.lora.texts)
    lines += training.trainedCounts.map { part, isAdapted, trained, all in
      let share = String(format: "%.2f%%", 100 * Double(trained) / Double(max(all, 1)))
      return (
        "trained", "\(part): \(trained) " + (isAdapted ? "in adapters, \(share) of \(all)" : "numbers, all of it")
      )
    }
  }
  lines += headerLines(settings.texts).combining("batch-size", "gradient-accumulation-steps")
  lines += headerLines(options.prompt.texts + options.features.texts + options.images.texts)
  lines += [("cache-vision-features", training.featureCache?.summary ?? "no")]
  // What was chosen where the command line says nothing, or leaves it to the machine.
  lines += headerLines(options.computing.texts).resolving([
    "precision": options.computing.precision.elementType.rawValue, "device": device.description,
    "matmul": device.productName,
    "gradient-checkpointing": checkpointing,
  ])
  lines += headerLines(options.frozenWeights.texts)
  lines += componentLines(training.components)
  lines += [
    ("steps", training.scheduleSummary),
    ("tokens", try training.tokenSummary(countingAtMost: options.isDryRun ? .max : 20_000)),
    ("cut", training.cutSummary),
  ]
  lines += [
    ("threads", "\(ThreadTeam.count)"), ("memory", training.forecast.summary),
    ("packed weights", training.forecast.packedCopies),
  ]
  writeRunHeader(program, lines)
  for remark in training.remarks { writeNote(remark) }
  for line in try training.tokenDump(dumpedSamples) { printLine(line) }
  guard !options.isDryRun else { return }
  var watched = WatchedRun(program: program, directory: options.outputDirectory, settings: settings)
  watched.pictures = training.pictures(ofValidationSample:)
  if hasLivePage {
    watched.pageFacts = [("training samples", "\(counts.train)"), ("held-out samples", "\(counts.validation ?? 0)")]
  }
  let outcome = try watched.run {
    try training.run(
      shouldStop: $0.shouldStop, onRemark: writeNote, onStep: $0.onStep, onValidation: $0.onValidation)
  }
  showEnding(program, outcome, training.forecast, in: options.outputDirectory, on: device)
}
