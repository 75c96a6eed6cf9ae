import Foundation
import TestSupport
import Testing

import Carina

/// A run of twelve steps in two epochs on a decoder of a few hundred weights, in a directory of its own.
final class TinyRun {
  static let stepCount = 12

  /// Settings, when to stop, what is held out, and what the run is told of its machine.
  var settings: TrainingSettings
  var resume = ResumePolicy.automatic
  var goesOnAnyway = false
  /// Below the run's own directory: another run that lies there.
  var subdirectory = ""
  var stopsAfter: Int?
  /// The number of the question whether to stop that is answered with yes, as are all behind it; and how many were asked.
  var stopsAtAsking: Int?
  private(set) var askedCount = 0
  /// The step whose validation is not to come to its end.
  var stopsInValidation: Int?
  var validationLosses: [Int: Double]?
  var evaluation: RunEvaluation?
  var validationLimit: Int?
  var bestPolicy = BestEvaluation()
  var space: (_ step: Int) -> DiskSpace = { _ in DiskSpace(byteCount: nil, fileCount: nil) }
  var secondsPerStep = 0.0
  var checkInputs: (_ step: Int) throws -> Void = { _ in }
  var failsToWrite: String?
  /// What the run said, and which checkpoints lay there when each step was done.
  private(set) var remarks: [String] = [], checkpointsSeen: [[String]] = []

  private let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
    settings = TrainingSettings()
    settings.batchSize = 2
    settings.epochCount = 2
    settings.learningRate = 1e-2
    settings.saveEvery = .never
  }

  /// The run's directory and what lies in it.
  var path: String { directory.file("run") + subdirectory }
  func file(_ name: String) -> String { "\(path)/\(name)" }
  func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: file(name)) }
  func bytes(_ name: String) -> Data? { FileManager.default.contents(atPath: file(name)) }
  var checkpoints: [String] {
    RunCheckpoints(outputDirectory: path).steps().map { "step-\($0)" }
  }

  /// What decides the numbers.
  var configuration: JSONValue {
    var document = JSONObject([("settings", .object(settings.json))])
    if let validationLimit { document["validation"] = ["eval_limit": .integer(validationLimit)] }
    return .object(document)
  }

  /// A fresh model and its trainer.
  func trainer() throws -> (trainer: Trainer<LanguageObjective>, decoder: Decoder) {
    let decoder = Decoder(
      DecoderConfig(
        vocabularySize: 11, hiddenSize: 4, intermediateSize: 6, headCount: 1, keyValueHeadCount: 1, headSize: 4,
        layerIsLocal: [false], window: 16, localRotaryBase: 10_000, globalRotaryBase: 1_000_000, attentionScale: 0.5,
        maximumPositions: 16, endTokens: [1], padToken: 0, beginToken: 2), from: RandomParameterSource(seed: 4))
    let sequences = (0..<12).map { index in
      ImageTextSequence(
        tokensBefore: [2], image: nil, tokensAfter: (0..<5).map { 3 + (index * 5 + $0 * $0) % 8 },
        supervised: [Bool](repeating: true, count: 5))
    }
    return (try Trainer(LanguageObjective(decoder: decoder, sequences: sequences), settings: settings), decoder)
  }

  /// Trains with a fresh model, as a process that has just begun does.
  @discardableResult
  func run() throws -> TrainingOutcome {
    remarks = []
    checkpointsSeen = []
    askedCount = 0
    let (trainer, decoder) = try trainer()
    var run = TrainingRun(
      trainer, outputDirectory: path, configuration: configuration, modelByteCount: 4096
    ) { [failsToWrite] target in
      if let failsToWrite, target.hasSuffix(failsToWrite) { throw CarinaError(.cannotWrite, "a full disk", at: target) }
      try AtomicFile.writeDirectory(to: target) { try ModelDirectoryWriter.write(decoder, to: $0, type: .float32) }
    }
    run.resume = resume
    run.goesOnAnyway = goesOnAnyway
    run.onRemark = { [unowned self] in remarks.append($0) }
    run.onStep = { [unowned self] _, _ in checkpointsSeen.append(checkpoints) }
    run.shouldStop = { [unowned self] in
      askedCount += 1
      return stopsAfter.map { trainer.step >= $0 } ?? stopsAtAsking.map { askedCount >= $0 } ?? false
    }
    run.validate = validationLosses.map { losses in
      { [stopsInValidation] in
        if trainer.step == stopsInValidation { throw StopRequest() }
        return losses[trainer.step] ?? .nan
      }
    }
    run.evaluation = evaluation
    run.bestPolicy = bestPolicy
    run.space = { [space] _ in space(trainer.step) }
    run.clock = { [secondsPerStep] in secondsPerStep * Double(trainer.step) }
    run.checkInputs = { [checkInputs] in try checkInputs(trainer.step) }
    return try run.run()
  }

  /// Trains and expects an error.
  func failure(sourceLocation: SourceLocation = #_sourceLocation) throws -> CarinaError {
    try #require(thrownCarinaError(sourceLocation: sourceLocation) { try run() })
  }

  /// A whole run with the same settings.
  func smooth() throws -> TinyRun {
    let other = try TinyRun()
    other.settings = settings
    other.validationLosses = validationLosses
    other.evaluation = evaluation
    other.bestPolicy = bestPolicy
    #expect(try other.run() == .finished(steps: TinyRun.stepCount))
    return other
  }

  /// Expects the models of another run, byte for byte.
  func expectSame(_ other: TinyRun, sourceLocation: SourceLocation = #_sourceLocation) {
    for model in ["final_model", "best_model"] {
      let weights = "\(model)/model.safetensors"
      #expect(bytes(weights) == other.bytes(weights), "\(model)", sourceLocation: sourceLocation)
    }
    #expect(has("final_model/model.safetensors"), sourceLocation: sourceLocation)
  }

  /// Cuts the end off a file.
  func cut(_ name: String, by count: Int = 3) throws {
    let whole = try #require(bytes(name))
    try whole.dropLast(count).write(to: URL(fileURLWithPath: file(name)))
  }

  /// Changes a JSON file; what it is sealed with is made anew.
  func edit(_ name: String, seals: Bool = true, _ change: (inout JSONObject) -> Void) throws {
    var object = try #require(JSONValue.parseFile(file(name)).object)
    change(&object)
    try JSONValue.object(seals ? object.sealed() : object).write(to: file(name))
  }
}
