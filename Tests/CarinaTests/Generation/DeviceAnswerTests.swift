import Foundation
import TestSupport
import Testing

import Carina

/// Answers on a backend that behaves as a device of its own would.
@Suite("Answers on a device") struct DeviceAnswerTests {
  private func answers(
    _ tiny: TinyJoinedModel, on backend: any Backend, precision: ElementType = .float32,
    _ change: (inout GenerationOptions) -> Void = { _ in }
  ) throws -> [[Int]] {
    var options = GenerationOptions()
    options.maximumNewTokens = 12
    change(&options)
    let answering = try AnsweringModel.load(checkpoint: tiny.path, precision: precision, on: Device(backend))
    let session = try AnswerSession(answering, options: options)
    return try (1...2).map { image in
      let question = ImageQuestion(imagePath: try tiny.image(image), question: "is there an effusion?")
      return try session.answer(question).answer.tokens
    }
  }

  @Test("greedy answers, drawn ones and those of beams are the processor's")
  func same() throws {
    let tiny = try TinyJoinedModel()
    for change in [
      { _ in }, { $0.beamCount = 3 }, { ($0.temperature, $0.seed) = (1, 5) }, { $0.repetitionPenalty = 1.3 },
    ] as [(inout GenerationOptions) -> Void] {
      #expect(try answers(tiny, on: DeviceLikeBackend(), change) == answers(tiny, on: TestBackend.cpu, change))
    }
    #expect(
      try answers(tiny, on: DeviceLikeBackend(activations: .bfloat16), precision: .bfloat16).allSatisfy { !$0.isEmpty })
  }

  @Test(
    "a greedy token is waited for once, and its logits are never read", arguments: [ElementType.float32, .bfloat16])
  func waits(precision: ElementType) throws {
    let tiny = try TinyJoinedModel(), backend = DeviceLikeBackend(activations: precision)
    var options = GenerationOptions()
    options.maximumNewTokens = 12
    let answering = try AnsweringModel.load(checkpoint: tiny.path, precision: precision, on: Device(backend))
    let session = try AnswerSession(answering, options: options)
    let question = ImageQuestion(imagePath: try tiny.image(1), question: "is there an effusion?")
    backend.clear()
    let answer = try session.answer(question).answer, waits = backend.waits
    #expect(!answer.tokens.isEmpty && waits.reads == 0 && waits.sums == 0, "\(answer.tokens.count) tokens, \(waits)")
    // A pass for each token, the last of them but where the model ends by itself.
    #expect(waits.other == answer.tokens.count || waits.other == answer.tokens.count + 1)
  }

  @Test("the largest of each row: of equal ones the first, past what is no number, and none where it is infinite")
  func largest() {
    let rows: [[Float]] = [
      [1, 3, 3, 2], [-2, -1, -1, -5], [.nan, 1, .nan, 0], [-.infinity, -3, -4, -.infinity], [0, -0.0, 0, 0],
      [1, .infinity, 2, 0], [.nan, .nan, .nan, .nan], [-.infinity, -.infinity, -.infinity, -.infinity],
    ]
    let logits = Tensor(rows.flatMap { $0 }, shape: [rows.count, 4])
    #expect(TestBackend.cpu.argmaxRows(logits) == [1, 1, 1, 1, 0, -1, -1, -1])
    let long = (0..<1000).map { Float($0 * 7919 % 997) }
    let found = TestBackend.cpu.argmaxRows(Tensor(long, shape: [1, 1000]))
    #expect(found == [Int32(long.firstIndex(of: 996) ?? -1)])
  }

  @Test("weights in 8 bits are refused, by the name of the option")
  func bytes() throws {
    let device = Device(DeviceLikeBackend())
    #expect(!device.multipliesBytes && Device(TestBackend.cpu).multipliesBytes)
    try WeightStorage.full.require(on: device, "--weights")
    try WeightStorage.int8.require(on: Device(TestBackend.cpu), "--weights")
    let error = #expect(throws: CarinaError.self) { try WeightStorage.int8.require(on: device, "--weights") }
    #expect(error?.kind == .usage && error?.what.contains("--weights int8") == true)
    for change in [{ $0.base = .int8 }, { $0.vision = .int8 }]
      as [(
        inout SettingValues<FrozenWeightsSettingList>
      ) -> Void]
    {
      var options = JointTrainingOptions(
        trainShards: "nowhere", visionModel: "nowhere", languageModel: "nowhere", outputDirectory: "nowhere",
        policy: .stage1, promptStyle: .gemma)
      change(&options.frozenWeights)
      let error = #expect(throws: CarinaError.self) { try JointTraining(options, on: device) }
      #expect(error?.kind == .usage && error?.what.contains("int8") == true)
    }
  }

  @Test("what a model lacks takes nothing of a device's memory, and is named")
  func missing() throws {
    let directory = try TemporaryDirectory()
    try SafetensorsWriter.write(
      [(name: "model.a.weight", tensor: Tensor(zeros: [2, 3]))], to: directory.file("model.safetensors"))
    let backend = DeviceLikeBackend(memoryAvailable: 1 << 30)
    let loader = StrictLoader(
      directory: try WeightsDirectory(path: directory.path), format: .decoder, precision: .float32, on: backend)
    let inUse = backend.memoryUsage.inUse
    let lost = loader.parameter(
      "model.huge.weight", shape: [1 << 24, 1 << 24], decays: true, initialization: .constant(0))
    #expect(lost.count == 1 << 48 && backend.memoryUsage.inUse == inUse)
    let found = loader.parameter("model.a.weight", shape: [2, 3], decays: true, initialization: .constant(0))
    #expect(backend.memoryUsage.inUse > inUse && found.count == 6)
    let error = #expect(throws: CarinaError.self) { try loader.finish() }
    #expect(error?.what.contains("1 missing: model.huge.weight") == true)
  }
}
