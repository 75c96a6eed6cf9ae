import Foundation
import TestSupport
import Testing

import Carina

/// Going on from an earlier checkpoint on purpose, and with changed options.
@Suite struct TrainingRunBranchTests {
  private let run: TinyRun

  init() throws {
    run = try TinyRun()
    run.settings.saveEverySteps = 2
  }

  private func stop(_ run: TinyRun, after step: Int) throws {
    run.stopsAfter = step
    #expect(try run.failure().kind == .interrupted)
    run.stopsAfter = nil
  }

  private func branches(_ run: TinyRun) throws -> [JSONValue] {
    try JSONValue.parseFile(run.file("run.json"))["branches"]?.array ?? []
  }

  /// Dies at a save, before it is begun.
  private func die(_ run: TinyRun, atSaveOf step: Int) throws {
    run.checkInputs = { if $0 >= step { throw CarinaError(.internalFailure, "a death") } }
    #expect(try run.failure().what == "a death")
    run.checkInputs = { _ in }
  }

  @Test("a run without branches has no word of them in its record")
  func none() throws {
    try stop(run, after: 5)
    try run.run()
    #expect(try JSONValue.parseFile(run.file("run.json"))["branches"] == nil && !run.has("set_aside"))
  }

  @Test("from an earlier checkpoint: what lay ahead is a run of its own, and the command again goes on with the branch")
  func earlier() throws {
    let smooth = try run.smooth()
    try stop(run, after: 9)
    #expect(run.checkpoints == ["step-8", "step-9"])
    run.resume = .from(run.file("checkpoints/step-8"))
    try die(run, atSaveOf: 10)
    #expect(run.checkpoints == ["step-8"] && run.has("set_aside/1/checkpoints/step-9/state.json"))
    #expect(run.remarks.contains { $0.contains("from step 8 on") && $0.contains("set_aside/1") }, "\(run.remarks)")
    // Before its first save the branch begins again; after it the same command goes on where it was.
    try stop(run, after: 11)
    #expect(run.checkpointsSeen.count == 3 && run.checkpoints == ["step-10", "step-11"])
    try run.run()
    #expect(run.checkpointsSeen.count == 1)
    run.expectSame(smooth)
    #expect(try run.run() == .alreadyFinished)
    #expect(try branches(run).count == 1)

    // The line that was left is gone on with in the directory where it is.
    (run.subdirectory, run.resume) = ("/set_aside/1", .automatic)
    try run.run()
    #expect(run.checkpointsSeen.count == 3)
    run.expectSame(smooth)
  }

  @Test("a finished run that goes back keeps its model beside the branch's")
  func finished() throws {
    try run.run()
    let model = try #require(run.bytes("final_model/model.safetensors"))
    run.resume = .from(run.file("checkpoints/step-10"))
    try run.run()
    #expect(run.checkpointsSeen.count == 2)
    #expect(run.bytes("final_model/model.safetensors") == model)
    #expect(run.bytes("set_aside/1/final_model/model.safetensors") == model)
    run.subdirectory = "/set_aside/1"
    run.resume = .automatic
    #expect(try run.run() == .alreadyFinished)
  }

  @Test("changed options are refused with the list; told so the run goes on, records them, and dies as exactly as any")
  func changed() throws {
    func changedRun(_ run: TinyRun) throws {
      try stop(run, after: 6)
      run.settings.learningRate = 3e-3
      run.settings.weightDecay = 0.2
    }
    try changedRun(run)
    let log = run.bytes("train_log.jsonl"), error = try run.failure()
    #expect(error.kind == .usage && error.remedy?.contains("resume_anyway") == true, "\(error)")
    for text in ["settings.learning_rate was 0.01, is 0.003", "settings.weight_decay was 0.01, is 0.2"] {
      #expect(error.found?.contains(text) == true, "\(error)")
    }
    #expect(run.bytes("train_log.jsonl") == log)

    run.goesOnAnyway = true
    try run.run()
    #expect(run.checkpointsSeen.count == 6)
    let record = try #require(branches(run).first)
    #expect(record["step"]?.int == 6 && record["changes"]?.array?.count == 2 && record["set_aside"] == nil)
    #expect(run.remarks.contains { $0.contains("learning_rate was 0.01, is 0.003") }, "\(run.remarks)")
    let smooth = try run.smooth()
    #expect(smooth.bytes("final_model/model.safetensors") != run.bytes("final_model/model.safetensors"))

    // The same with deaths before its first save, after it, and without the switch from then on.
    let other = try TinyRun()
    other.settings.saveEverySteps = 2
    try changedRun(other)
    other.goesOnAnyway = true
    try die(other, atSaveOf: 8)
    #expect(other.checkpoints == ["step-4", "step-6"])
    other.goesOnAnyway = false
    try die(other, atSaveOf: 10)
    #expect(other.checkpointsSeen.count == 4 && other.checkpoints == ["step-6", "step-8"])
    // A damaged checkpoint of the branch goes back to where it began, and not before.
    try other.cut("checkpoints/step-8/state.json")
    try stop(other, after: 9)
    #expect(other.checkpointsSeen.count == 3)
    try other.run()
    other.expectSame(run)
    #expect(try branches(other).count == 1)
    #expect(other.bytes("train_log.jsonl").map { $0.count { $0 == 10 } } == 12)
  }

  @Test("with changed options a run does not go back behind the change when its checkpoints are damaged")
  func behindTheChange() throws {
    try stop(run, after: 6)
    run.settings.learningRate = 3e-3
    run.goesOnAnyway = true
    try stop(run, after: 7)
    #expect(run.checkpoints == ["step-6", "step-7"])
    for step in [6, 7] { try run.cut("checkpoints/step-\(step)/state.json") }
    let whole = try TinyRun()
    whole.settings.saveEverySteps = 2
    try stop(whole, after: 4)
    try FileManager.default.copyItem(
      atPath: whole.file("checkpoints/step-4"), toPath: run.file("checkpoints/step-4"))
    let error = try run.failure()
    #expect(error.kind == .badData && error.what.contains("no checkpoint"), "\(error)")
  }

  @Test("options changed and changed back, at two steps")
  func twice() throws {
    try stop(run, after: 4)
    let rate = run.settings.learningRate
    run.settings.learningRate = 3e-3
    run.goesOnAnyway = true
    try stop(run, after: 8)
    run.settings.learningRate = rate
    try die(run, atSaveOf: 10)
    #expect(run.checkpoints == ["step-6", "step-8"])
    run.goesOnAnyway = false
    try run.run()
    #expect(run.checkpointsSeen.count == 4)
    #expect(try branches(run).map { $0["step"]?.int } == [4, 8])
  }

  @Test("a finished run goes on with more epochs")
  func moreEpochs() throws {
    try run.run()
    let model = run.bytes("final_model/model.safetensors")
    run.settings.epochCount = 3
    #expect(try run.failure().kind == .usage)
    run.goesOnAnyway = true
    #expect(try run.run() == .finished(steps: 18))
    #expect(run.checkpointsSeen.count == 6 && run.bytes("set_aside/1/final_model/model.safetensors") == model)
    #expect(run.bytes("final_model/model.safetensors") != model)
  }

  @Test("a larger batch changes what a step is; the position in the data follows the new one")
  func otherBatch() throws {
    try stop(run, after: 4)
    run.settings.batchSize = 3
    run.goesOnAnyway = true
    // Four steps of four an epoch are one epoch.
    #expect(try run.run() == .finished(steps: 8))
    #expect(run.checkpointsSeen.count == 4)
  }

  @Test("a death while what lay ahead is moved: whoever comes next moves the rest before it looks for a checkpoint")
  func halfMoved() throws {
    let smooth = try run.smooth()
    try stop(run, after: 9)
    run.resume = .from(run.file("checkpoints/step-8"))
    try die(run, atSaveOf: 10)
    try FileManager.default.moveItem(
      atPath: run.file("set_aside/1/checkpoints/step-9"), toPath: run.file("checkpoints/step-9"))
    try run.edit("run.json") { record in
      var branch = record["branches"]?[0]?.object ?? JSONObject()
      branch["pending"] = true
      record["branches"] = [.object(branch)]
    }
    run.resume = .automatic
    try run.run()
    #expect(run.checkpointsSeen.count == 4 && run.has("set_aside/1/checkpoints/step-9"))
    run.expectSame(smooth)
    #expect(try branches(run).first?["pending"]?.bool == false)
  }

  @Test("the best model is the branch's: kept where it is from before, set aside where it lay ahead")
  func best() throws {
    run.validationLosses = [6: 0.5, 12: 0.4]
    let smooth = try run.smooth()
    try stop(run, after: 9)
    run.resume = .from(run.file("checkpoints/step-8"))
    try run.run()
    run.expectSame(smooth)
    // The line that was left keeps its own, though the branch has a better one.
    let first = try #require(run.bytes("set_aside/1/best_model/model.safetensors"))
    #expect(first != run.bytes("best_model/model.safetensors"))
    // From before the best one: its own best is not known yet.
    let late = try TinyRun()
    late.settings.saveEverySteps = 5
    late.validationLosses = [6: 0.5, 12: 0.6]
    try stop(late, after: 7)
    #expect(late.checkpoints == ["step-6", "step-7"])
    late.settings.saveEverySteps = nil
    late.resume = .from(late.file("checkpoints/step-6"))
    try late.run()
    let whole = try late.smooth()
    late.expectSame(whole)
    // A best model of another step than the checkpoint knows cannot be had again.
    let lost = try TinyRun()
    lost.settings.saveEverySteps = 11
    lost.validationLosses = [6: 0.5, 12: 0.4]
    try lost.run()
    #expect(lost.checkpoints == ["step-11", "step-12"])
    let best = try #require(lost.bytes("best_model/model.safetensors"))
    lost.resume = .from(lost.file("checkpoints/step-11"))
    lost.validationLosses = [12: 0.7]
    try die(lost, atSaveOf: 12)
    #expect(!lost.has("best_model") && lost.bytes("set_aside/1/best_model/model.safetensors") == best)
    try lost.run()
    #expect(lost.bytes("best_model/model.safetensors") == lost.bytes("final_model/model.safetensors"))
  }

  @Test("branches of a record are read strictly")
  func damagedRecord() throws {
    try stop(run, after: 9)
    run.resume = .from(run.file("checkpoints/step-8"))
    try stop(run, after: 10)
    let values: [(String, JSONValue)] = [
      ("step", -1), ("step", "8"), ("changes", "all"), ("set_aside", "../1"), ("set_aside", "set_aside/0"),
      ("set_aside", "set_aside/1/.."), ("pending", 1), ("forgets_best", .null), ("configuration_hash", 7),
    ]
    let whole = try #require(run.bytes("run.json"))
    for (key, value) in values {
      try run.edit("run.json") { record in
        var branch = record["branches"]?[0]?.object ?? JSONObject()
        branch[key] = value
        record["branches"] = [.object(branch)]
      }
      let error = try run.failure()
      #expect(error.kind == .badData && error.description.contains(key), "\(key): \(error)")
      try whole.write(to: URL(fileURLWithPath: run.file("run.json")))
    }
  }
}
