import Foundation
import TestSupport
import Testing

import Carina

@Suite("Validation of a run with records of its own") struct RunEvaluationTests {
  private let run: TinyRun

  init() throws {
    run = try TinyRun()
    run.settings.saveEverySteps = 3
  }

  /// A validation that finds these losses at these steps, and answers one sample.
  private func evaluation(
    _ losses: [Int: Double], every interval: EvaluationInterval = .steps(2), stopsAt: Int? = nil,
    accuracy: Double? = nil
  ) -> RunEvaluation {
    RunEvaluation(every: interval) { step, epoch, shouldStop in
      if step == stopsAt || shouldStop() { return nil }
      return ValidationReport(
        step: step, epoch: epoch, loss: losses[step] ?? 1, shuffledLoss: 2, blankLoss: 3, closedAccuracy: accuracy,
        closedCount: accuracy == nil ? 0 : 4, sampleCount: 5, supervisedTokens: 6, seconds: 0.5,
        answers: [
          ValidationAnswer(
            step: step, sample: 3, id: "s3", question: "Is it?", reference: "yes", answer: "answer \(step)",
            answerType: "CLOSED", isRight: false)
        ])
    }
  }

  private func lines() throws -> [JSONValue] {
    try #require(run.bytes("train_log.jsonl")).split(separator: 10).map {
      try JSONValue.parse(Data($0), source: "log")
    }
  }

  /// The log without what the clock decides.
  private func numbers(_ run: TinyRun) throws -> [String] {
    try #require(run.bytes("train_log.jsonl")).split(separator: 10).map {
      var object = try #require(JSONValue.parse(Data($0), source: "log").object)
      for key in ["seconds", "data_wait_ms"] { object[key] = nil }
      return try JSONValue.object(object).serialized()
    }
  }

  private func expectSame(_ smooth: TinyRun) throws {
    run.expectSame(smooth)
    #expect(try numbers(run) == numbers(smooth))
    #expect(run.bytes("validation.jsonl") == smooth.bytes("validation.jsonl"))
  }

  @Test("each validation has a line behind its step's, and changes no weight")
  func log() throws {
    run.evaluation = evaluation([4: 0.5, 6: 0.7], every: .steps(4))
    try run.run()
    let lines = try lines(), own = lines.filter { $0["kind"] != nil }
    #expect(lines.count == TinyRun.stepCount + 3)
    #expect(own.compactMap { $0["step"]?.int } == [4, 8, 12] && own.compactMap { $0["epoch"]?.int } == [0, 1, 1])
    #expect(lines[4]["kind"]?.string == "validation" && lines[4]["loss"] == nil && lines[3]["step"]?.int == 4)
    #expect(own[0]["validation_loss"]?.double == 0.5 && own[0]["image_gap"]?.double == 1.5)
    #expect(own.compactMap { $0["best"]?.bool } == [true, false, false])
    #expect(try ValidationAnswersFile.read(directory: run.path).map(\.answer) == ["answer 4", "answer 8", "answer 12"])
    let plain = try TinyRun()
    #expect(try plain.run() == .finished(steps: TinyRun.stepCount))
    #expect(run.bytes("final_model/model.safetensors") == plain.bytes("final_model/model.safetensors"))
    #expect(run.has("best_model") && !plain.has("best_model"))
  }

  @Test("a run that is stopped anywhere ends in the bytes of one that is not", arguments: Array(1...11))
  func resuming(step: Int) throws {
    run.evaluation = evaluation([2: 0.9, 4: 0.5, 6: 0.7, 8: 0.4, 10: 0.45, 12: 0.3])
    let smooth = try run.smooth()
    // At an even step the stop comes in the validation, which is then done when the run goes on.
    run.stopsAfter = step
    #expect(try run.failure().kind == .interrupted)
    #expect(try lines().count == step + (step - 1) / 2)
    run.stopsAfter = nil
    try run.run()
    try expectSame(smooth)
  }

  @Test("a death behind the checkpoint repeats steps and validations, and cuts the answers back")
  func killed() throws {
    run.evaluation = evaluation([2: 0.9, 4: 0.5, 6: 0.7])
    let smooth = try run.smooth()
    run.failsToWrite = "final_model"
    #expect(try run.failure().kind == .cannotWrite)
    try FileManager.default.removeItem(atPath: run.file("checkpoints/step-12"))
    try run.cut("validation.jsonl")
    try run.cut("train_log.jsonl", by: 7)
    run.failsToWrite = nil
    try run.run()
    try expectSame(smooth)
  }

  @Test("a stop in the validation behind the last step is gone on from")
  func lastStep() throws {
    run.evaluation = evaluation([12: 0.5], every: .steps(6))
    let smooth = try run.smooth()
    run.stopsAfter = 12
    #expect(try run.failure().kind == .interrupted && !run.has("final_model"))
    run.stopsAfter = nil
    try run.run()
    try expectSame(smooth)
  }

  @Test("the run ends early after so many validations without improvement, and ends there again where its end was lost")
  func early() throws {
    run.evaluation = evaluation([2: 0.9, 4: 0.5, 6: 0.6, 8: 0.55, 10: 0.1])
    run.bestPolicy = BestEvaluation(patience: 2)
    run.failsToWrite = "final_model"
    #expect(try run.failure().kind == .cannotWrite)
    #expect(run.checkpoints.last == "step-8" && run.remarks.contains { $0.contains("step 8 of 12") })
    run.failsToWrite = nil
    #expect(try run.run() == .finished(steps: 8))
    #expect(try lines().count == 8 + 4)
    #expect(try run.run() == .alreadyFinished)
    // The final model is that of the end, the best one that of step 4.
    let other = try TinyRun()
    other.settings.saveEverySteps = 4
    other.stopsAfter = 8
    #expect(try other.failure().kind == .interrupted)
    let state = try SafetensorsFile(path: other.file("checkpoints/step-8/trained.safetensors"))
    let best = try SafetensorsFile(path: other.file("checkpoints/step-4/trained.safetensors"))
    let final = try SafetensorsFile(path: run.file("final_model/model.safetensors"))
    let kept = try SafetensorsFile(path: run.file("best_model/model.safetensors"))
    #expect(try values(state) == values(final) && values(best) == values(kept))
  }

  private func values(_ file: SafetensorsFile) throws -> [[Float]] {
    // Names differ by a prefix that does not change their order.
    try file.entries.sorted { $0.name < $1.name }.map { try file.tensor($0, on: Device.processor().backend).values }
  }

  @Test("early stopping goes by the loss alone too, at the ends of epochs")
  func earlyByEpoch() throws {
    run.settings.epochCount = 4
    run.settings.maximumSteps = nil
    run.validationLosses = [6: 0.5, 12: 0.9, 18: 0.8, 24: 0.7]
    run.bestPolicy = BestEvaluation(patience: 1)
    #expect(try run.run() == .finished(steps: 12))
    #expect(try lines().count == 12)
  }

  @Test("the best model is that of the named metric")
  func metric() throws {
    run.bestPolicy = BestEvaluation(metric: .closedAccuracy)
    run.evaluation = RunEvaluation(every: .steps(4)) { step, epoch, _ in
      ValidationReport(
        step: step, epoch: epoch, loss: 1 / Double(step), shuffledLoss: nil, blankLoss: 3,
        closedAccuracy: [4: 0.25, 8: 0.75, 12: 0.5][step], closedCount: 4, sampleCount: 5, supervisedTokens: 6,
        seconds: 0, answers: [])
    }
    try run.run()
    let own = try lines().filter { $0["kind"] != nil }
    #expect(own.compactMap { $0["best"]?.bool } == [true, true, false] && own[0]["image_gap"] == nil)
    let state = try JSONValue.parseFile(run.file("checkpoints/step-12/state.json"))["progress"]?["extra"]
    #expect(state?["best_closed_accuracy"]?.double == 0.75 && state?["best_step"]?.int == 8)
  }

  @Test("the training loss since the validation before is a metric, a resumed run's too")
  func trainingLoss() throws {
    run.bestPolicy = BestEvaluation(metric: .trainingLoss)
    run.evaluation = evaluation([:], every: .steps(5))
    let smooth = try run.smooth()
    run.stopsAfter = 7
    #expect(try run.failure().kind == .interrupted)
    run.stopsAfter = nil
    try run.run()
    try expectSame(smooth)
    let lines = try lines(), own = lines.filter { $0["kind"] != nil }
    let losses = lines.filter { $0["kind"] == nil }.compactMap { $0["loss"]?.double }
    #expect(own[0]["training_loss"]?.double == losses[..<5].reduce(0, +) / 5)
  }

  @Test("a run with validations is made longer, and validated at other steps from then on; no validation is done twice")
  func extended() throws {
    run.settings.maximumSteps = 5
    run.evaluation = evaluation([:], every: .steps(2))
    try run.run()
    #expect(try validated() == [2, 4, 5])
    run.settings.maximumSteps = 9
    run.evaluation = evaluation([:], every: .steps(3))
    run.goesOnAnyway = true
    run.stopsAfter = 7
    #expect(try run.failure().kind == .interrupted)
    run.stopsAfter = nil
    try run.run()
    #expect(try validated() == [2, 4, 5, 6, 9])
    let answers = try ValidationAnswersFile.read(directory: run.file("")).map(\.step)
    #expect(answers == answers.sorted() && Set(answers) == [2, 4, 5, 6, 9])
  }

  private func validated() throws -> [Int] { try lines().filter { $0["kind"] != nil }.compactMap { $0["step"]?.int } }

  @Test("a best value that was measured otherwise counts no longer")
  func measuredOtherwise() throws {
    run.settings.maximumSteps = 4
    run.evaluation = evaluation([2: 0.1, 4: 0.2], every: .steps(2))
    run.validationLimit = 2
    try run.run()
    run.settings.maximumSteps = 6
    run.evaluation = evaluation([6: 0.9], every: .steps(2))
    (run.validationLimit, run.goesOnAnyway) = (3, true)
    try run.run()
    #expect(try lines().last { $0["kind"] != nil }?["best"]?.bool == true)
  }

  @Test("a loss that is not finite ends the run; a checkpoint with lines too many or too few is passed over")
  func refusals() throws {
    run.evaluation = evaluation([4: .nan])
    #expect(try run.failure().description.contains("held-out samples is not finite"))
    #expect(run.checkpoints == ["step-2", "step-3"])
    run.evaluation = evaluation([:])
    try run.edit("checkpoints/step-3/state.json") { state in
      var progress = state["progress"]?.object ?? JSONObject()
      progress["log_lines"] = 6
      state["progress"] = .object(progress)
    }
    try run.run()
    #expect(run.remarks.contains { $0.contains("step-3") && $0.contains("log_lines is 6") }, "\(run.remarks)")
  }

  @Test("TensorBoard has the texts of each validation and each image once, made anew when a run goes on")
  func tensorBoard() throws {
    run.settings.writesTensorBoard = true
    let png = try PNGEncoder.encode([7], side: 1)
    let inner = evaluation([:], every: .steps(4))
    run.evaluation = RunEvaluation(every: .steps(4), pictures: { _ in [png] }, evaluate: inner.evaluate)
    run.stopsAfter = 5
    #expect(try run.failure().kind == .interrupted)
    run.stopsAfter = nil
    try run.run()
    let name = try #require(FileManager.default.contentsOfDirectory(atPath: run.file("tensorboard")).first)
    let bytes = try #require(run.bytes("tensorboard/\(name)"))
    func count(_ text: String) -> Int {
      var count = 0, rest = bytes[...]
      while let range = rest.range(of: Data(text.utf8)) {
        count += 1
        rest = rest[range.upperBound...]
      }
      return count
    }
    #expect(count("validation/s3/text_summary") == 3 && count("**answer** answer 8") == 1)
    #expect(count("IHDR") == 1 && count("validation/image_gap") == 3)
  }
}
