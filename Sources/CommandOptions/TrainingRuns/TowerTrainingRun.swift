import Carina
import Foundation

/// A program that tunes a SigLIP where its command line names one.
public protocol TowerTrainingCommand {
  /// What the command line asks for; nil where it names no model to tune.
  /// - Throws: `CarinaError.usage`.
  func towerOptions() throws -> TowerTrainingOptions?
}

/// Tunes a SigLIP and shows it: header, progress, outcome.
/// - Parameter hasLivePage: whether a page in the run's directory shows it while it goes.
/// - Throws: what the engine throws.
public func runTowerTraining(
  _ program: String, _ options: TowerTrainingOptions, hasLivePage: Bool = false, on device: Device
) throws {
  let training = try TowerTraining(options, on: device), counts = training.counts
  let checkpointing =
    (training.forecast.isCheckpointed ? "yes" : "no")
    + (options.computing.gradientCheckpointing == nil ? ", as the memory allows" : "")
  let heldOut = options.validationShards.map {
    "\($0) (\(counts.heldOutImages ?? 0) images, \(counts.heldOutTexts ?? 0) different texts)"
  }
  var lines: [(name: String, value: String)] = [
    ("train-shards", "\(options.trainShards) (\(counts.images) images, \(counts.texts) different texts)"),
    ("val-shards", heldOut ?? "none"), ("vision-model", options.visionModel), ("output-dir", options.outputDirectory),
  ]
  if let assumption = training.imageAssumption { lines.append(("image-settings", assumption)) }
  lines += training.trainedCounts.map { part, trained, all in
    ("trained", "\(part): " + (trained == all ? "\(all) numbers, all of it" : "\(trained) of \(all) numbers"))
  }
  // What is trained and how long texts are stands in other lines, as it turned out for the model.
  lines += headerLines(options.settings.texts).filter {
    !["freeze-text-encoder", "freeze-logit-scale"].contains($0.name)
  }
  .resolving(["max-text-len": "\(training.textLength)", "chunk-size": training.chunkSummary])
  func own(_ texts: [(name: SettingName, value: String)]) -> [(name: String, value: String)] {
    headerLines(texts.filter { !TowerTrainingOptions.foreignSettings.contains($0.name) })
  }
  if options.validation != ValidationSettings() { lines += own(options.validation.texts) }
  lines += own(options.training.texts).combining("batch-size", "gradient-accumulation-steps")
  lines += headerLines(options.images.texts)
  lines += headerLines(options.computing.texts).resolving([
    "precision": options.computing.precision.elementType.rawValue, "device": device.description,
    "matmul": device.productName,
    "gradient-checkpointing": checkpointing,
  ])
  lines += [
    ("steps", training.scheduleSummary), ("threads", "\(ThreadTeam.count)"), ("memory", training.forecast.summary),
  ]
  writeRunHeader(program, lines)
  for remark in training.remarks { writeNote(remark) }
  guard !options.isDryRun else { return }
  var watched = WatchedRun(program: program, directory: options.outputDirectory, settings: options.training)
  if hasLivePage {
    watched.pageFacts = [
      ("training images", "\(counts.images)"), ("held-out images", "\(counts.heldOutImages ?? 0)"),
    ]
  }
  let outcome = try watched.run {
    try training.run(shouldStop: $0.shouldStop, onRemark: writeNote, onStep: $0.onStep)
  }
  if let retrieval = try training.retrievalSummary() { printLine("\(program): held-out images \(retrieval)") }
  showEnding(program, outcome, training.forecast, in: options.outputDirectory, on: device)
}
