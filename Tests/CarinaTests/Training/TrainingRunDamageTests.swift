import Foundation
import TestSupport
import Testing

import Carina

@Suite struct TrainingRunDamageTests {
  private let run: TinyRun

  init() throws {
    run = try TinyRun()
    run.settings.saveEverySteps = 2
  }

  private func stop(after step: Int) throws {
    run.stopsAfter = step
    #expect(try run.failure().kind == .interrupted)
    run.stopsAfter = nil
  }

  @Test(
    "a newest checkpoint of which a file is cut, changed or gone is passed over for the one before",
    arguments: ["state.json", "trained.safetensors", "optimizer.safetensors"], ["cut", "changed", "gone"])
  func fallsBack(name: String, damage: String) throws {
    let smooth = try run.smooth()
    try stop(after: 6)
    let file = "checkpoints/step-6/\(name)"
    switch damage {
    case "cut": try run.cut(file)
    case "gone": try FileManager.default.removeItem(atPath: run.file(file))
    default:
      var bytes = try #require(run.bytes(file))
      bytes[bytes.count - 9] ^= 1
      try bytes.write(to: URL(fileURLWithPath: run.file(file)))
    }
    try run.run()
    #expect(run.checkpointsSeen.count == 8)
    #expect(run.remarks.contains { $0.contains("step-6 cannot be used and is passed over") }, "\(run.remarks)")
    #expect(run.remarks.contains { $0.contains("goes on from") && $0.contains("step-4") }, "\(run.remarks)")
    run.expectSame(smooth)
  }

  @Test("a checkpoint that was to be removed when the process died goes when the run goes on, or is found finished")
  func notRemoved() throws {
    try stop(after: 6)
    try FileManager.default.copyItem(
      atPath: run.file("checkpoints/step-4"), toPath: run.file("checkpoints/step-2"))
    run.settings.saveEverySteps = nil
    run.checkInputs = { _ in throw CarinaError(.internalFailure, "a death") }
    #expect(try run.failure().what == "a death")
    #expect(run.checkpoints == ["step-4", "step-6"])
    run.checkInputs = { _ in }
    try run.run()
    let dead = try ProgramRun("infer", ["--version"]).processID
    try AtomicFile.write("{}", to: run.file("checkpoints/step-9.\(dead).partial/state.json"))
    #expect(try run.run() == .alreadyFinished)
    #expect(!run.has("checkpoints/step-9.\(dead).partial"))
  }

  @Test("a damaged checkpoint of a later step is gone once a whole one is written")
  func damagedAhead() throws {
    try stop(after: 6)
    try run.cut("checkpoints/step-6/state.json")
    run.settings.saveEverySteps = nil
    run.settings.saveEveryEpochs = nil
    try stop(after: 5)
    #expect(run.checkpoints == ["step-4", "step-5"])
  }

  @Test("where no checkpoint can be used the run is refused with every reason, and nothing is touched")
  func noneUsable() throws {
    try stop(after: 6)
    for step in [4, 6] { try run.cut("checkpoints/step-\(step)/trained.safetensors") }
    let log = run.bytes("train_log.jsonl")
    let error = try run.failure()
    #expect(error.kind == .badData && error.what.contains("no checkpoint"), "\(error)")
    for words in ["step-4", "step-6", "output_dir"] { #expect(error.description.contains(words), "\(error)") }
    #expect(run.bytes("train_log.jsonl") == log && run.checkpoints == ["step-4", "step-6"])
  }

  @Test("a run that went back on purpose is a branch: a death before its first save costs the way back to there")
  func branch() throws {
    let smooth = try run.smooth()
    try stop(after: 8)
    run.resume = .from(run.file("checkpoints/step-6"))
    run.settings.saveEverySteps = nil
    run.stopsAfter = 9
    run.checkInputs = { _ in throw CarinaError(.internalFailure, "a death") }
    #expect(try run.failure().what == "a death")
    #expect(run.checkpointsSeen.count == 3 && run.checkpoints == ["step-6"])
    (run.resume, run.stopsAfter, run.checkInputs) = (.automatic, nil, { _ in })
    try run.run()
    #expect(run.checkpointsSeen.count == 6)
    run.expectSame(smooth)
    #expect(run.checkpoints == ["step-6", "step-12"])
  }

  @Test("a log that lost lines takes the run back to the last checkpoint that it still holds")
  func shortLog() throws {
    let smooth = try run.smooth()
    try stop(after: 6)
    try run.cut("train_log.jsonl", by: 30)
    try run.run()
    #expect(run.checkpointsSeen.count == 8)
    run.expectSame(smooth)
    #expect(run.bytes("train_log.jsonl").map { $0.count { $0 == 10 } } == 12)
  }

  @Test("while another process trains there a run is turned away before it looks at anything")
  func locked() throws {
    try stop(after: 4)
    try run.cut("checkpoints/step-4/state.json")
    let lock = try FileLock(run.file("train_log.jsonl"))
    try withExtendedLifetime(lock) {
      let error = try run.failure()
      #expect(error.kind == .usage && error.what.contains("another process"), "\(error)")
      #expect(run.remarks.isEmpty)
    }
  }

  @Test("what a death while old checkpoints were removed has left is cleared")
  func halfRemoved() throws {
    try stop(after: 6)
    try AtomicFile.write("{}", to: run.file("checkpoints/step-2/state.json"))
    try stop(after: 7)
    #expect(run.checkpoints == ["step-6", "step-7"])
    #expect(run.remarks.contains { $0.contains("step-2 is half removed") }, "\(run.remarks)")
  }

  @Test(
    "a final model that was damaged is said to be so and made again, to the byte",
    arguments: ["model.safetensors", "config.json", "generation_config.json"])
  func damagedFinalModel(name: String) throws {
    try run.run()
    let path = "final_model/\(name)", whole = run.bytes(path), weights = run.bytes("final_model/model.safetensors")
    #expect(try run.run() == .alreadyFinished)
    for damage in ["cut", "changed", "gone"] {
      var bytes = try #require(whole)
      bytes[bytes.count / 2] ^= 1
      if damage == "cut" { bytes.removeLast() }
      try bytes.write(to: URL(fileURLWithPath: run.file(path)))
      if damage == "gone" { try FileManager.default.removeItem(atPath: run.file(path)) }
      #expect(try run.run() == .finished(steps: TinyRun.stepCount))
      #expect(run.remarks.contains { $0.contains("made again") && $0.contains(name) }, "\(run.remarks)")
      #expect(run.bytes(path) == whole && run.bytes("final_model/model.safetensors") == weights)
      #expect(run.checkpointsSeen.isEmpty)
      #expect(try run.run() == .alreadyFinished && run.remarks.isEmpty)
    }
  }

  @Test(
    "a damaged final model of which no checkpoint is left is an error, in records of before its files were listed too")
  func damagedFinalModelAlone() throws {
    try run.run()
    try FileManager.default.removeItem(atPath: run.file("checkpoints"))
    #expect(try run.run() == .alreadyFinished)
    try run.edit("run.json", seals: false) { record in
      for key in ["digest", "format_version", "final_model"] { record[key] = nil }
    }
    #expect(try run.run() == .alreadyFinished)
    try run.cut("final_model/model.safetensors")
    let error = try run.failure()
    #expect(error.kind == .badData && error.description.contains("model.safetensors"), "\(error)")
    try FileManager.default.removeItem(atPath: run.file("final_model"))
    #expect(try run.run() == .finished(steps: TinyRun.stepCount))
    #expect(run.remarks.contains { $0.contains("starts over") }, "\(run.remarks)")
  }

  /// Writes a document without waiting for the disk: there are thousands.
  private func put(_ document: JSONObject, _ name: String) throws {
    try Data(JSONValue.object(document).serialized().utf8).write(to: URL(fileURLWithPath: run.file(name)))
  }

  /// What may become of a value: other kinds, ends of ranges, other contents, and nothing at all.
  private static func mutants(of value: JSONValue) -> [JSONValue?] {
    let texts: [JSONValue] = ["", "x", .string(String(repeating: "9", count: 5000)), "\u{202e}\n\u{0}"]
    let numbers: [JSONValue] = [0, 1, -1, .integer(.max), .integer(.min), 0.5, 1e308, .integer(1 << 62)]
    let own: JSONValue =
      switch value {
      case .integer(let number): .integer(number &+ 1)
      case .digits(let digits): .digits(digits + "0")
      case .string(let text): .string(text + " ")
      case .bool(let flag): .bool(!flag)
      case .number(let number): .number(number.nextUp)
      case .array(let list): .array(list + [1])
      case .object(let object): .object(JSONObject(object.map { ($0.key, $0.value) } + [("more", 1)]))
      case .null: 7
      }
    let others: [JSONValue?] = [.null, true, false, [], [:], [value], ["a": value], own]
    // Where null stands, nothing is the same.
    return texts + numbers + others + (value.isNull ? [] : [nil])
  }

  /// A document with one value anywhere in it replaced, for every value and every mutant.
  private static func mutants(in object: JSONObject, path: String = "") -> [(path: String, document: JSONObject)] {
    object.flatMap { key, value -> [(path: String, document: JSONObject)] in
      let own = mutants(of: value).filter { $0 != value }.map { mutant in
        var changed = object
        changed[key] = mutant
        return ("\(path)\(key)", changed)
      }
      let inner = mutants(in: value.object ?? JSONObject(), path: "\(path)\(key).").map { path, document in
        var changed = object
        changed[key] = .object(document)
        return (path, changed)
      }
      return own + inner
    }
  }

  @Test("no change of the record goes unnoticed: each is refused on going on and on coming back")
  func recordMutants() throws {
    try stop(after: 4)
    func expectRefused() throws -> Int {
      let record = try #require(JSONValue.parseFile(run.file("run.json")).object)
      let configuration = try #require(record["configuration"])
      let counts = RunRecord.Counts(
        steps: 12, stepsPerEpoch: 6, trainedParameters: record["trained_parameters"]?.int ?? 0,
        allParameters: record["all_parameters"]?.int ?? 0)
      func require() throws { try RunRecord(directory: run.path)?.require(configuration, counts) }
      try require()
      let mutants = Self.mutants(in: record)
      for (path, document) in mutants {
        try put(document, "run.json")
        let error = thrownCarinaError { try require() }
        #expect(error?.kind == .badData, "\(path): \(error.map { "\($0)" } ?? "accepted")")
        // Sealed again, as only Carina does it: what decides numbers is compared all the same.
        guard path != "digest", !path.hasPrefix("environment"), !path.hasPrefix("final_model"), path != "finished"
        else { continue }
        try put(document.sealed(), "run.json")
        let sealed = thrownCarinaError { try require() }
        #expect(sealed?.kind == .usage || sealed?.kind == .badData, "\(path)")
        #expect(sealed?.description.contains(path.split(separator: ".").last ?? "") == true, "\(path)")
      }
      try JSONValue.object(record).write(to: run.file("run.json"))
      return mutants.count
    }
    #expect(try expectRefused() > 320)
    try run.run()
    #expect(try expectRefused() > 320)
    #expect(try run.run() == .alreadyFinished)
  }

  @Test("records of before there were versions are compared too, and a whole run refuses what differs")
  func oldRecord() throws {
    try stop(after: 4)
    func strip(_ change: (inout JSONObject) -> Void) throws {
      try run.edit("run.json", seals: false) {
        ($0["digest"], $0["format_version"]) = (nil, nil)
        change(&$0)
      }
    }
    try strip { $0["steps"] = 13 }
    #expect(try run.failure().found == "steps was 13, is 12")
    try strip { ($0["steps"], $0["configuration"]) = (12, ["settings": ["seed": "1"]]) }
    let error = try run.failure()
    #expect(error.kind == .usage && error.found?.contains("settings.seed was \"1\", is \"0\"") == true, "\(error)")
    try run.cut("run.json", by: 20)
    let damaged = try run.failure()
    #expect(damaged.kind == .badData && damaged.remedy?.contains("remove it") == true, "\(damaged)")
    try FileManager.default.removeItem(atPath: run.file("run.json"))
    try run.run()
    #expect(run.checkpointsSeen.count == 8)
  }

  @Test("no change of a checkpoint's numbers is computed with: it is passed over, even sealed again")
  func stateMutants() throws {
    try stop(after: 5)
    let name = "checkpoints/step-5/state.json", whole = try #require(run.bytes(name))
    let document = try #require(JSONValue.parse(whole, source: name).object)
    let start = RunStart(
      trainer: try run.trainer().trainer, outputDirectory: run.path, configuration: run.configuration,
      counts: RunRecord.Counts(steps: 12, stepsPerEpoch: 6, trainedParameters: 1, allParameters: 1),
      resume: .automatic
    ) { _ in }
    func isUsed(_ document: JSONObject) throws -> Bool {
      try put(document, name)
      return (try? start.state(nil)?.progress.step) == 5
    }
    #expect(try isUsed(document))
    var accepted = Set<String>()
    for (path, mutant) in Self.mutants(in: document) {
      #expect(try !isUsed(mutant), "\(path)")
      if path != "digest", try isUsed(mutant.sealed()) { accepted.insert(path) }
    }
    // What nobody computes with, names that are added to an object, and the first version of the format.
    let harmless = [
      "progress", "progress.extra", "progress.generators", "optimizer_steps", "fingerprints",
      "format_version",
    ]
    #expect(accepted.subtracting(harmless).filter { !$0.hasPrefix("optimizer_steps.") }.isEmpty, "\(accepted)")
  }
}
