import Foundation
import TestSupport
import Testing

import Carina

@Suite("Training, a stop in the middle of a step or of a validation") struct StoppedStepTests {
  private let run: TinyRun

  init() throws {
    run = try TinyRun()
    run.settings.gradientAccumulationSteps = 3
    run.settings.epochCount = 6
    run.settings.saveEverySteps = 4
    run.settings.measuresGradientNoise = true
    run.validationLosses = [2: 0.9, 4: 0.5, 6: 0.7, 8: 0.4, 10: 0.45, 12: 0.3]
  }

  private func numbers(_ run: TinyRun) throws -> [String] {
    try #require(run.bytes("train_log.jsonl")).split(separator: 10).map {
      var object = try #require(JSONValue.parse(Data($0), source: "log").object)
      for key in ["seconds", "data_wait_ms"] { object[key] = nil }
      return try JSONValue.object(object).serialized()
    }
  }

  private func expectSame(_ smooth: TinyRun, sourceLocation: SourceLocation = #_sourceLocation) throws {
    run.expectSame(smooth, sourceLocation: sourceLocation)
    #expect(try numbers(run) == numbers(smooth), sourceLocation: sourceLocation)
  }

  @Test("the step is dropped and done again whole, whichever micro-batch was the last", arguments: 1...12)
  func microBatches(asking: Int) throws {
    let smooth = try run.smooth()
    // Three micro-batches a step, and once behind it.
    run.stopsAtAsking = asking
    let error = try run.failure(), done = (asking - 1) / 4, isBehind = asking % 4 == 0
    #expect(error.kind == .interrupted)
    let kept = isBehind ? done + 1 : done
    // That of step 2 was the best so far.
    #expect(run.checkpoints == (1...3).filter { $0 == kept || ($0 == 2 && kept > 2) }.map { "step-\($0)" })
    #expect(run.has("checkpoints") || kept == 0)
    #expect(try numbers(run).count == kept)
    #expect(error.what.contains("in the middle of the next") == (!isBehind && kept > 0), "\(error.what)")
    #expect(error.what.contains(kept == 0 ? "the first of 12 steps" : "after step \(kept) of 12"), "\(error.what)")
    run.stopsAtAsking = nil
    try run.run()
    try expectSame(smooth)
  }

  @Test("a run that is stopped again and again without a whole step keeps the checkpoint that it has")
  func stoppedAgain() throws {
    let smooth = try run.smooth()
    run.stopsAtAsking = 7
    _ = try run.failure()
    let state = try #require(run.bytes("checkpoints/step-1/state.json"))
    for asking in [1, 2, 3] {
      run.stopsAtAsking = asking
      #expect(try run.failure().what.contains("after step 1 of 12, in the middle of the next"))
      #expect(run.bytes("checkpoints/step-1/state.json") == state)
    }
    run.stopsAtAsking = nil
    try run.run()
    try expectSame(smooth)
  }

  @Test(
    "a stop in the loss on held-out data keeps the step, whose line comes when the run goes on", arguments: [2, 8, 12])
  func validation(step: Int) throws {
    let smooth = try run.smooth()
    run.stopsInValidation = step
    #expect(try run.failure().what.contains("after step \(step) of 12; a checkpoint"))
    #expect(try numbers(run).count == step - 1)
    let state = "checkpoints/step-\(step)/state.json"
    let unlogged = try JSONValue.parseFile(run.file(state))["progress"]?["unlogged_step"]?.string
    #expect(try JSONValue.parse(#require(unlogged), source: "a line")["step"]?.int == step)
    // And again: it is not done before it is whole.
    #expect(try run.failure().kind == .interrupted)
    run.stopsInValidation = nil
    try run.run()
    try expectSame(smooth)
    let last = try #require(run.checkpoints.last)
    let found = try JSONValue.parseFile(run.file("checkpoints/\(last)/state.json"))
    #expect(found["progress"]?["unlogged_step"] == nil)
  }

  @Test("a checkpoint whose step without a line is another one is passed over")
  func otherStep() throws {
    let smooth = try run.smooth()
    run.stopsInValidation = 8
    _ = try run.failure()
    try run.edit("checkpoints/step-8/state.json") { state in
      guard var progress = state["progress"]?.object, let line = progress["unlogged_step"]?.string else { return }
      progress["unlogged_step"] = .string(line.replacingOccurrences(of: "8,", with: "7,"))
      state["progress"] = .object(progress)
    }
    run.stopsInValidation = nil
    try run.run()
    #expect(run.remarks.contains { $0.contains("step-8") && $0.contains("without a line in the log is 7") })
    try expectSame(smooth)
  }

  @Test("what a line of the log says of a step is read back, null and all")
  func line() throws {
    var report = StepReport(
      step: 3, epoch: 1, loss: .nan, gradientNorm: .infinity, learningRate: 1e-3, supervisedTokens: 7, seconds: 0.25,
      dataWaitMilliseconds: 1.5)
    report.gradientNorms = [GradientNorms.Part(component: "projector", norm: .nan)]
    var noise = GradientNoise()
    func mean(_ norm: Double, _ count: Double) -> GradientNoise.Mean {
      GradientNoise.Mean(norms: GradientNorms(whole: norm, parts: []), sampleCount: count)
    }
    report.gradientNoise = noise.note(GradientNoise.parts(mean(3, 2), mean(2.5, 6)))
    #expect(report.gradientNoise.count == 1 && report.gradientNoise[0].scale != nil)
    report.skipCause = "it was"
    let line = report.line
    #expect(try StepReport(JSONNode(line, source: "a log")).line == line)
    var object = try #require(line.object)
    object["grad_norm"] = nil
    let short = JSONValue.object(object)
    #expect(throws: CarinaError.self) { try StepReport(JSONNode(short, source: "a log")) }
  }

  @Test("a branch that dies behind its first validation goes on from where it began")
  func branch() throws {
    run.settings = try TinyRun().settings
    run.validationLosses = nil
    run.evaluation = RunEvaluation(every: .steps(4)) { step, epoch, shouldStop in
      shouldStop()
        ? nil
        : ValidationReport(
          step: step, epoch: epoch, loss: 1 / Double(step), shuffledLoss: nil, blankLoss: 3, closedAccuracy: nil,
          closedCount: 0, sampleCount: 5, supervisedTokens: 6, seconds: 0, answers: [])
    }
    run.stopsAfter = 4
    #expect(try run.failure().kind == .interrupted)
    (run.stopsAfter, run.goesOnAnyway, run.failsToWrite) = (nil, true, "best_model")
    run.settings.learningRate = 2e-2
    #expect(try run.failure().kind == .cannotWrite)
    #expect(run.checkpoints == ["step-4"])
    run.failsToWrite = nil
    #expect(try run.run() == .finished(steps: TinyRun.stepCount))
    #expect(!run.remarks.contains { $0.contains("passed over") }, "\(run.remarks)")
  }
}
