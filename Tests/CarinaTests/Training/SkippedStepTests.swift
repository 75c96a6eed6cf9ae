import Foundation
import TestSupport
import Testing

import Carina

@Suite("Steps whose numbers are not finite") struct SkippedStepTests {
  private func settings(_ change: (inout TrainingSettings) -> Void = { _ in }) -> TrainingSettings {
    var settings = TrainingSettings()
    settings.batchSize = 2
    settings.epochCount = 2
    settings.learningRate = 1e-2
    settings.warmupRatio = 0
    settings.isShuffled = false
    settings.saveEvery = .never
    settings.saveEverySteps = 1
    change(&settings)
    return settings
  }

  private func decoder() -> Decoder {
    Decoder(
      DecoderConfig(
        vocabularySize: 11, hiddenSize: 4, intermediateSize: 6, headCount: 1, keyValueHeadCount: 1, headSize: 4,
        layerIsLocal: [false], window: 16, localRotaryBase: 10_000, globalRotaryBase: 1_000_000, attentionScale: 0.5,
        maximumPositions: 16, endTokens: [1], padToken: 0, beginToken: 2), from: RandomParameterSource(seed: 4))
  }

  /// Runs over twelve samples, of which some overflow; returns what was said.
  private func run(
    in path: String, flawed: Set<Int>, _ settings: TrainingSettings, stopsAfter: Int? = nil
  ) throws -> [String] {
    let decoder = decoder()
    let sequences = (0..<12).map { index in
      ImageTextSequence(
        tokensBefore: [2], image: nil, tokensAfter: (0..<5).map { 3 + (index * 5 + $0 * $0) % 8 },
        supervised: [Bool](repeating: true, count: 5))
    }
    let trainer = try Trainer(
      FlawedObjective(LanguageObjective(decoder: decoder, sequences: sequences), flawed: flawed), settings: settings)
    var run = TrainingRun(trainer, outputDirectory: path, configuration: ["a": 1], modelByteCount: 4096) { target in
      try AtomicFile.writeDirectory(to: target) { try ModelDirectoryWriter.write(decoder, to: $0, type: .float32) }
    }
    var remarks: [String] = []
    run.onRemark = { remarks.append($0) }
    run.shouldStop = { stopsAfter.map { trainer.step >= $0 } ?? false }
    if stopsAfter == nil {
      _ = try run.run()
    } else {
      #expect(throws: CarinaError.self) { try run.run() }
    }
    return remarks
  }

  private func log(_ path: String) throws -> [JSONValue] {
    try String(contentsOfFile: "\(path)/train_log.jsonl", encoding: .utf8).split(separator: "\n").map {
      try JSONValue.parse(String($0), source: "log")
    }
  }

  @Test("a step that overflows is skipped, said, counted and marked in the log; the weights stay as they were")
  func skipped() throws {
    let directory = try TemporaryDirectory(), path = directory.file("run")
    let remarks = try run(in: path, flawed: [5], settings { $0.maximumSteps = 4 })
    #expect(remarks.count == 1)
    let remark = try #require(remarks.first)
    #expect(remark.hasPrefix("step 3 is skipped: the gradient that reached ") || remark.contains("the result of "))
    #expect(remark.hasSuffix("is not finite; samples case-4, case-5"))
    let lines = try log(path)
    #expect(lines.map { $0["skipped"]?.bool ?? false } == [false, false, true, false])
    #expect(lines.map { $0["step"]?.int } == [1, 2, 3, 4])
    #expect(lines[3]["loss"]?.double != nil)
  }

  @Test("weights of a skipped step are those before it")
  func weightsStay() throws {
    let directory = try TemporaryDirectory()
    var weights: [Int: Data] = [:]
    for steps in [2, 3] {
      let path = directory.file("run-\(steps)")
      _ = try run(
        in: path, flawed: [5],
        settings {
          $0.maximumSteps = steps
          $0.rateShape = .constant
        })
      weights[steps] = FileManager.default.contents(atPath: "\(path)/final_model/model.safetensors")
    }
    #expect(weights[2] != nil && weights[2] == weights[3])
  }

  @Test("a run that is stopped after skipped steps goes on to the bytes of one that was not")
  func resumes() throws {
    let directory = try TemporaryDirectory(), whole = directory.file("whole"), parts = directory.file("parts")
    let flawed: Set<Int> = [2, 5, 6]
    _ = try run(in: whole, flawed: flawed, settings())
    for stop in [3, 4, 9] { _ = try run(in: parts, flawed: flawed, settings(), stopsAfter: stop) }
    _ = try run(in: parts, flawed: flawed, settings())
    let name = "final_model/model.safetensors"
    let model = try #require(FileManager.default.contents(atPath: "\(whole)/\(name)"))
    #expect(model == FileManager.default.contents(atPath: "\(parts)/\(name)"))
    let keys = ["step", "loss", "grad_norm", "skipped"]
    let logs = try [whole, parts].map { try log($0).map { line in keys.map { line[$0] ?? .null } } }
    #expect(logs[0] == logs[1] && logs[0].count == 12)
  }

  @Test(
    "too many skipped steps in a row end the run, naming operation and samples; the last checkpoint stands",
    arguments: [(0, 3, 2), (2, 5, 4)])
  func stops(allowed: Int, step: Int, checkpoint: Int) throws {
    let directory = try TemporaryDirectory(), path = directory.file("run")
    let error = #expect(throws: CarinaError.self) {
      try run(in: path, flawed: Set(4...11), settings { $0.maximumSkippedSteps = allowed })
    }
    let text = "\(try #require(error))"
    #expect(error?.kind == .badData)
    #expect(text.contains("diverged at step \(step)") && text.contains("case-4") == (allowed == 0), "\(text)")
    #expect(!FileManager.default.fileExists(atPath: "\(path)/final_model"))
    #expect(RunCheckpoints(outputDirectory: path).steps().last == checkpoint)
  }

  @Test("a weight that is not finite ends the run before it is saved")
  func weights() throws {
    let directory = try TemporaryDirectory(), path = directory.file("run")
    let error = #expect(throws: CarinaError.self) {
      try run(in: path, flawed: [], settings { $0.learningRate = 1e38 })
    }
    #expect("\(try #require(error))".contains("a weight is no longer finite"))
    #expect(RunCheckpoints(outputDirectory: path).steps().isEmpty)
  }
}
