import Foundation
import TestSupport
import Testing

import Carina

@Suite struct TrainingStateTests {
  private let directory: TemporaryDirectory
  private let shapes = ["model.0.weight": [3, 2], "model.0.bias": [3]]

  init() throws { directory = try TemporaryDirectory() }

  private func state(step: Int) -> TrainingState {
    var generator = SeededGenerator(seed: 9, stream: "state")
    for _ in 0..<3 { _ = generator.next() }
    return TrainingState(
      progress: TrainingState.Progress(
        step: step, epoch: 1, samplesSeen: 24, generators: ["augment": generator], logLineCount: 12, logByteCount: 3456,
        configurationHash: "c0ffee", extra: ["best_loss": 0.1, "note": "\u{e9}"]),
      weights: [
        "model.0.weight": TensorSource(Tensor([1, -2, 3.5, 1e-30, 5, 6], shape: [3, 2])),
        "model.0.bias": TensorSource(Tensor([7, 8, 9], shape: [3])),
      ],
      moments: [
        "model.0.weight": TrainingState.Moments(
          first: Tensor([1, 2, 3, 4, 5, 6], shape: [3, 2]), second: Tensor([0, 0, 1, 1, 2, 2], shape: [3, 2]), steps: 12
        )
      ])
  }

  @Test("what was written is read back bit for bit, moments in memory that may be written")
  func roundTrip() throws {
    let checkpoints = RunCheckpoints(outputDirectory: directory.path)
    let before = state(step: 12)
    let path = try checkpoints.write(before)
    let again = try TrainingState(path: path, expecting: shapes)
    #expect(again.progress == before.progress)
    for name in shapes.keys { #expect(again.weights[name]?.whole.values == before.weights[name]?.whole.values) }
    #expect(again.moments.keys.sorted() == ["model.0.weight"])
    let moments = try #require(again.moments["model.0.weight"])
    #expect(moments.first.values == [1, 2, 3, 4, 5, 6] && moments.second.values == [0, 0, 1, 1, 2, 2])
    #expect(moments.steps == 12)
    #expect(!moments.first.storage.isBorrowed && !moments.second.storage.isBorrowed)
    var generator = try #require(again.progress.generators["augment"])
    var original = try #require(before.progress.generators["augment"])
    #expect(generator.next() == original.next())
    let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(path)/state.json"))
    try checkpoints.write(again)
    #expect(try Data(contentsOf: URL(fileURLWithPath: "\(path)/state.json")) == bytes)
  }

  @Test("moments in 8 bits go on from a checkpoint with the bits of a run that was not stopped")
  func eightBits() throws {
    let shapes = ["large": [65, 66], "small": [15, 16]]
    func parameters() -> [Parameter] {
      shapes.sorted { $0.key < $1.key }.map { Parameter.random($0.key, $0.value, seed: 3) }
    }
    func step(_ optimizer: AdamW, _ parameters: [Parameter], seed: UInt64) {
      for parameter in parameters {
        let tape = Tape()
        tape.backward(
          from: embedding(Array(0..<parameter.shape[0]), parameter, tape: tape),
          seed: Tensor.random(parameter.shape, seed: seed, in: -0.1..<0.2))
      }
      optimizer.step(parameters, rate: 0.01, norm: 1, maximumNorm: 0)
    }
    let whole = AdamW(.adamw8bit, weightDecay: 0.1), smooth = parameters()
    for seed in 1...3 { step(whole, smooth, seed: UInt64(seed)) }
    #expect(whole.moments["large"]?.scales?.first.count == 17 && whole.moments["small"]?.scales == nil)
    var before = state(step: 3)
    before.moments = whole.moments
    before.weights = Dictionary(uniqueKeysWithValues: smooth.map { ($0.name, TensorSource($0.value.copied())) })
    let path = try RunCheckpoints(outputDirectory: directory.path).write(before)
    let again = try TrainingState(path: path, expecting: shapes, optimizer: .adamw8bit)
    let resumed = parameters(), second = AdamW(.adamw8bit, weightDecay: 0.1)
    for parameter in resumed { parameter.assign(try #require(again.weights[parameter.name]).whole) }
    second.moments = again.moments
    for seed in 4...5 {
      step(whole, smooth, seed: UInt64(seed))
      step(second, resumed, seed: UInt64(seed))
    }
    for (one, other) in zip(smooth, resumed) { expectSameBits(one.value, other.value, one.name) }

    // The moments of one optimizer are not those of the other.
    let error = try #require(thrownCarinaError { try TrainingState(path: path, expecting: shapes) })
    #expect(error.kind == .usage)
    #expect(error.what.contains("another optimizer") && error.expected == "adamw" && error.found == "adamw8bit")
    before.moments = before.moments.mapValues {
      TrainingState.Moments(first: Tensor(zeros: $0.first.shape), second: Tensor(zeros: $0.first.shape), steps: 3)
    }
    let plain = try RunCheckpoints(outputDirectory: directory.path).write(before)
    let refusal = try #require(
      thrownCarinaError { try TrainingState(path: plain, expecting: shapes, optimizer: .adamw8bit) })
    #expect(refusal.expected == "adamw8bit" && refusal.remedy?.contains("optimizer adamw,") == true, "\(refusal)")
    // A scale too few.
    var short = again
    let moments = try #require(again.moments["large"]), scales = try #require(moments.scales)
    short.moments["large"]?.scales = (scales.first.elementSlice(0..<16), scales.second)
    let cut = try RunCheckpoints(outputDirectory: directory.path).write(short)
    let found = thrownCarinaError { try TrainingState(path: cut, expecting: shapes, optimizer: .adamw8bit) }
    #expect(found?.what.contains("large.first_moment.absmax is [16], not [17]") == true)
  }

  @Test("steps are found by name; once one is written the newest whole ones stay, and nothing half or later")
  func steps() throws {
    let checkpoints = RunCheckpoints(outputDirectory: directory.path)
    #expect(checkpoints.steps().isEmpty)
    for step in [2, 10, 9] { try checkpoints.write(state(step: step)) }
    try AtomicFile.write("{}", to: directory.file("checkpoints/step-11/state.json"))
    for name in ["step-99.123.partial", "step-x", "step-007", "best"] {
      try AtomicFile.makeDirectory(directory.file("checkpoints/\(name)"))
    }
    #expect(checkpoints.steps() == [2, 9, 10, 11])
    func left() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: checkpoints.path).sorted() }
    try FileManager.default.removeItem(atPath: directory.file("checkpoints/step-2/trained.safetensors"))
    #expect(try checkpoints.clear(before: 9, keeping: 2) == [directory.file("checkpoints/step-2")])
    let foreign = ["best", "step-007", "step-99.123.partial", "step-x"]
    #expect(try left() == (foreign + ["step-10", "step-11", "step-9"]).sorted())
    try checkpoints.write(state(step: 4))
    try checkpoints.prune(keeping: 2) { $0 <= 10 }
    #expect(try left() == (foreign + ["step-10", "step-9"]).sorted())
    // A run that went back: what lies ahead is of before.
    try checkpoints.write(state(step: 3))
    try checkpoints.prune(keeping: 2) { $0 <= 9 }
    #expect(try left() == (foreign + ["step-3", "step-9"]).sorted())
  }

  @Test("a checkpoint of another model lists every difference in one error")
  func otherModel() throws {
    let path = try RunCheckpoints(outputDirectory: directory.path).write(state(step: 3))
    let error = try #require(
      thrownCarinaError {
        try TrainingState(path: path, expecting: ["model.0.weight": [2, 3], "model.2.weight": [4]])
      })
    #expect(error.kind == .badData)
    for part in [
      "model.0.weight is [3, 2], not [2, 3]", "model.2.weight is missing", "model.0.bias is not trained",
      "model.0.weight.first_moment is [3, 2]",
    ] {
      #expect(error.what.contains(part), "\(error.what)")
    }
  }

  @Test("a damaged file is refused, whichever it is")
  func damaged() throws {
    for name in ["trained.safetensors", "optimizer.safetensors", "state.json"] {
      let path = try RunCheckpoints(outputDirectory: directory.path).write(state(step: 3))
      let file = URL(fileURLWithPath: "\(path)/\(name)")
      let whole = try Data(contentsOf: file)
      try whole.prefix(whole.count - 3).write(to: file)
      #expect(thrownCarinaError { try TrainingState(path: path, expecting: shapes) }?.kind == .badData)
      try FileManager.default.removeItem(at: file)
      #expect(thrownCarinaError { try TrainingState(path: path, expecting: shapes) }?.kind == .missingInput)
      guard name != "state.json" else { continue }
      var flipped = whole
      flipped[flipped.count - 2] ^= 0x10
      try flipped.write(to: file)
      let error = try #require(thrownCarinaError { try TrainingState(path: path, expecting: shapes) })
      #expect(error.what.contains("damaged after it was written"))
      #expect(error.location?.hasSuffix(name) == true)
    }
    let path = try RunCheckpoints(outputDirectory: directory.path).write(state(step: 3))
    let text = try String(contentsOfFile: "\(path)/state.json", encoding: .utf8)
    for (old, new) in [
      ("\"step\": 3", "\"step\": -3"), ("\"format_version\": 2", "\"format_version\": 7"),
      ("\"configuration_hash\"", "\"hash\""), ("{\\\"state\\\"", "{\\\"stale\\\""),
    ] {
      let changed = text.replacingOccurrences(of: old, with: new)
      #expect(changed != text)
      try AtomicFile.write(changed, to: "\(path)/state.json")
      #expect(thrownCarinaError { try TrainingState(path: path, expecting: shapes) }?.kind == .badData)
    }
  }

  @Test(
    "a step count that the run cannot have is refused, in files of the first version and in sealed ones",
    arguments: [Int.max, 1 << 62, 13, 0, -1], [1, 2])
  func impossibleSteps(count: Int, version: Int) throws {
    let path = try RunCheckpoints(outputDirectory: directory.path).write(state(step: 12))
    var object = try #require(JSONValue.parseFile("\(path)/state.json").object)
    object["optimizer_steps"] = ["model.0.weight": .integer(count)]
    object["format_version"] = .integer(version)
    object["digest"] = nil
    try JSONValue.object(version == 1 ? object : object.sealed()).write(to: "\(path)/state.json")
    let error = try #require(thrownCarinaError { try TrainingState(path: path, expecting: shapes) })
    #expect(error.kind == .badData && error.what.contains("the step count of model.0.weight"), "\(error)")
    object["optimizer_steps"] = ["model.0.weight": .integer(12)]
    try JSONValue.object(version == 1 ? object : object.sealed()).write(to: "\(path)/state.json")
    #expect(try TrainingState(path: path, expecting: shapes).moments["model.0.weight"]?.steps == 12)
  }

  @Test("bfloat16 numbers do not pass for trained ones")
  func narrow() throws {
    var narrow = state(step: 12)
    narrow.weights["model.0.bias"] = TensorSource(Tensor([7, 8, 9], shape: [3]).converted(to: .bfloat16))
    // Written as fp32, so only a file made elsewhere could hold less; what is read back is fp32.
    let path = try RunCheckpoints(outputDirectory: directory.path).write(narrow)
    #expect(try TrainingState(path: path, expecting: shapes).weights["model.0.bias"]?.elementType == .float32)
  }
}
