import Carina
import Foundation
import TestSupport
import Testing

@Suite("Training programs, a stop in the middle of a step") struct StopInStepTests {
  private let world: TrainingWorld
  private let tower: TowerWorld

  init() throws {
    world = try TrainingWorld.shared()
    tower = try TowerWorld.shared()
  }

  /// A signal some milliseconds after a file appears; a run that happens to be between two steps then is made again.
  private func stopped(
    _ signal: String, when test: (TrainingOutput) -> String, _ start: (TrainingOutput, String) throws -> ProgramRun
  ) throws -> (output: TrainingOutput, errors: String) {
    for _ in 0..<8 {
      let (output, run) = try TrainingOutput.stopped(by: signal, when: test, code: 75, start)
      if run.errors.contains("in the middle of the next") { return (output, run.errors) }
    }
    throw CarinaError(.internalFailure, "no signal reached a run in the middle of a step")
  }

  private func expectSame(_ run: TrainingOutput, _ smooth: TrainingOutput) throws {
    #expect(try run.numbers() == smooth.numbers())
    for part in ["final_model", "best_model"] where smooth.has(part) {
      #expect(try run.bytes(under: part) == smooth.bytes(under: part), "\(part)")
    }
    #expect(try run.unfinished().isEmpty)
  }

  @Test("stage 0 of a tower stops between two pieces and does the step again", arguments: ["TERM", "INT"])
  func towerPieces(signal: String) throws {
    // Three steps of eighteen pieces, each of which goes through a tower twice.
    let options = [
      "--batch-size", "18", "--chunk-size", "1", "--num-epochs", "3", "--warmup-ratio", "0", "--no-freeze-text-encoder",
    ]
    let smooth = try TrainingOutput()
    let whole = try tower.train(output: smooth.path, options)
    #expect(whole.exitCode == 0, "\(whole.errors)")
    let (run, errors) = try stopped(signal, when: { "-s '\($0.file("train_log.jsonl"))'" }) {
      try tower.train(output: $0.path, options, shellPrefix: $1)
    }
    #expect(errors.contains("a checkpoint is written"), "\(errors)")
    let logged = try run.steps().count
    #expect(logged < 3 && run.has("checkpoints/step-\(logged)/state.json") && !run.has("final_model"))
    #expect(try tower.train(output: run.path, options).exitCode == 0)
    try expectSame(run, smooth)
  }

  @Test("a stop in the first step leaves nothing but a run that begins anew")
  func firstStep() throws {
    let options = ["--batch-size", "18", "--chunk-size", "1", "--num-epochs", "2", "--warmup-ratio", "0"]
    let smooth = try TrainingOutput()
    #expect(try tower.train(output: smooth.path, options).exitCode == 0)
    let (run, first) = try TrainingOutput.stopped(by: "TERM", when: { "-s '\($0.file("run.json"))'" }, code: 75) {
      try tower.train(output: $0.path, options, shellPrefix: $1)
    }
    #expect(first.errors.contains("stopped in the first of 2 steps") || run.has("checkpoints"), "\(first.errors)")
    #expect(try tower.train(output: run.path, options).exitCode == 0)
    try expectSame(run, smooth)
  }

  @Test("stages 1 and 2 stop between two micro-batches and do the step again", arguments: [1, 2])
  func microBatches(stage: Int) throws {
    let options = [
      "--batch-size", "1", "--gradient-accumulation-steps", "12", "--num-epochs", "3", "--warmup-ratio", "0",
    ]
    let smooth = try TrainingOutput()
    #expect(try world.train(stage: stage, output: smooth.path, options).exitCode == 0)
    let (run, _) = try stopped("TERM", when: { "-s '\($0.file("train_log.jsonl"))'" }) {
      try world.train(stage: stage, output: $0.path, options, shellPrefix: $1)
    }
    #expect(run.has("checkpoints/step-\(try run.steps().count)/state.json") && !run.has("final_model"))
    #expect(try world.train(stage: stage, output: run.path, options).exitCode == 0)
    try expectSame(run, smooth)
  }

  /// Runs with a stop at the first question, the one after the next …, and compares what they end in, gone on with.
  private func sweep(_ train: (_ output: String, _ shouldStop: @escaping () -> Bool) throws -> TrainingOutcome) throws {
    final class Counter { var asked = 0 }
    let smooth = try TrainingOutput(), counter = Counter()
    _ = try train(smooth.path) {
      counter.asked += 1
      return false
    }
    let all = counter.asked
    #expect(all > 12)
    for limit in stride(from: 1, to: all, by: max(1, all / 16)) {
      let run = try TrainingOutput()
      counter.asked = 0
      let error = #expect(throws: CarinaError.self) {
        try train(run.path) {
          counter.asked += 1
          return counter.asked >= limit
        }
      }
      #expect(error?.kind == .interrupted && counter.asked <= limit + 1, "\(limit): \(String(describing: error))")
      _ = try train(run.path) { false }
      try expectSame(run, smooth)
    }
  }

  @Test("whichever piece of a batch or of a validation is the last, a tower ends in the same bytes")
  func everyPiece() throws {
    try sweep { output, shouldStop in
      var options = TowerTrainingOptions(
        trainShards: tower.world.captions, visionModel: tower.model, outputDirectory: output)
      options.validationShards = tower.heldOut
      options.settings.chunkSize = 5
      options.training.batchSize = 18
      options.training.epochCount = 2
      options.training.warmupRatio = 0
      options.training.learningRate = 1e-3
      options.computing.precision = .fp32
      return try TowerTraining(options, on: Device.processor()).run(shouldStop: shouldStop)
    }
  }

  @Test("whichever micro-batch or batch of a validation is the last, stage 2 ends in the same bytes")
  func everyMicroBatch() throws {
    try sweep { output, shouldStop in
      var options = JointTrainingOptions(
        trainShards: world.questions, visionModel: world.vision, languageModel: world.language,
        outputDirectory: output, policy: FreezingPolicy(trainsProjector: true, trainsDecoder: true), promptStyle: .gemma
      )
      options.validationShards = world.heldOut
      options.settings.batchSize = 2
      options.settings.gradientAccumulationSteps = 6
      options.settings.epochCount = 2
      options.settings.warmupRatio = 0
      options.settings.learningRate = 1e-3
      options.computing.precision = .fp32
      options.projector = world.projector
      return try JointTraining(options, on: Device.processor()).run(shouldStop: shouldStop)
    }
  }
}
