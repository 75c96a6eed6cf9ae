import Carina
import Foundation

/// A program that tunes a SigLIP where its command line names one.
public protocol TowerTrainingCommand {
  /// What the command line asks for; nil where it names no model to tune.
  /// - Throws: `CarinaError.usage`.
  func towerOptions() throws -> TowerTrainingOptions?
}

/// Tunes a SigLIP and shows it: header, progress, outcome.
/// - Throws: what the engine throws.
public func runTowerTraining(_ program: String, _ options: TowerTrainingOptions, on device: Device) throws {
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
  lines += headerLines(options.training.texts).combining("batch-size", "gradient-accumulation-steps")
  lines += headerLines(options.images.texts)
  lines += headerLines(options.computing.texts).resolving([
    "precision": options.computing.precision.elementType.rawValue, "matmul": device.productName,
    "gradient-checkpointing": checkpointing,
  ])
  lines += [
    ("steps", training.scheduleSummary), ("threads", "\(ThreadTeam.count)"), ("memory", training.forecast.summary),
  ]
  writeRunHeader(program, lines)
  for remark in training.remarks { writeNote(remark) }
  guard !options.isDryRun else { return }
  Interruption.listen()
  let display = StepDisplay(program)
  let outcome = try training.run(
    shouldStop: { Interruption.wasRequested }, onRemark: writeNote, onStep: display.show)
  display.finish()
  if let retrieval = try training.retrievalSummary() { printLine("\(program): held-out images \(retrieval)") }
  showEnding(program, outcome, training.forecast, in: options.outputDirectory, on: device)
}
