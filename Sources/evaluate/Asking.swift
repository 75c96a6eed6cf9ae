import Carina
import CommandOptions
import Foundation

/// Asking a model, scoring its answers and writing the report.
struct Asking {
  let asking: AskingOptions
  let report: ReportOptions
  let options: EvaluatorOptions

  func run() throws {
    try options.validate()
    let (curves, runs) = try report.training()
    let expectations = try report.expectations()
    let lock = try EvaluationLock(outputDirectory: options.outputDirectory)
    let shards = try ShardDirectory(asking.shardsPath())
    let model = try asking.model(options, shards)
    let evaluator = try Evaluator(model: model, shards: shards, options: options, lock: lock)
    writeHeader(model, evaluator)
    let outcome = try answer(evaluator)
    let outcomes = expectations?.compare(outcome.report) ?? []
    var page = EvaluationReport(outcome, shards: shards)
    page.title = report.title ?? page.title
    page.curves = curves
    page.outcomes = outcomes
    page.runs = runs + [ReportOptions.ownRun]
    try page.page().write(to: (options.outputDirectory as NSString).appendingPathComponent("report.html"))
    try evaluator.removeProgress()

    let scores = outcome.report
    print("\(scores.n) answers, intervals over \(scores.bootstrap.units) by \(scores.bootstrap.unit)\n")
    print(EvaluationReportTable.text(scores), terminator: "")
    for remark in outcome.remarks { print("\nnote: \(DisplayedText.of(remark))") }
    print()
    if let forecast = model.answering.forecast { showMemory(forecast, on: model.answering.device) }
    printLine("Written to \(options.outputDirectory): predictions.jsonl, metrics.json, report.html")
    try report.judge(outcomes)
  }

  private func answer(_ evaluator: Evaluator) throws -> EvaluatorOutcome {
    Interruption.listen()
    let total = evaluator.counts.answers
    var done = 0
    var line = ProgressLine("evaluate", unit: "answers", total: total)
    defer { line.finish(done) }
    return try evaluator.run(
      shouldStop: { Interruption.wasRequested },
      onResume: { answered in
        writeNote("going on after \(answered) of \(total) answers of an earlier run")
        done = answered
        line = ProgressLine("evaluate", unit: "answers", total: total, startingAt: answered)
      },
      onAnswers: { answered in
        done = answered
        line.update(answered)
      })
  }

  private func writeHeader(_ model: EvaluatorModel, _ evaluator: Evaluator) {
    let counts = evaluator.counts
    writeRunHeader(
      "evaluate",
      asking.parts.header(model.answering) + [
        ("shards", "\(asking.shards ?? "") (\(counts.questions) questions, \(counts.images) images)"),
        ("output-dir", options.outputDirectory), ("arms", options.arms.map(\.rawValue).joined(separator: ",")),
        ("likelihood", options.withLikelihood ? "yes" : "no"), ("decoding", options.decoding),
        ("cache-vision-features", evaluator.featureCache?.summary ?? "no"),
        ("batch-size", "\(options.batchSize)"), ("bootstrap", "\(options.replicates)"), ("seed", "\(options.seed)"),
      ] + asking.precision.header(model.answering.precision, model.answering.device) + asking.weights.header)
    if let cache = evaluator.featureCache, !cache.isWritable { writeNote(cache.readOnlyRemark) }
    for key in model.answering.unknownKeys { writeNote("\(key) is not known and not used") }
    for remark in model.answering.remarks { writeNote(remark) }
  }
}
