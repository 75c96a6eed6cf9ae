import TestSupport
import Testing

import Carina

/// A step waits for the backend once, at its end, for its losses and the norm of its gradients.
@Suite("Host reads of a step") struct HostReadTests {
  private static let precisions: [ElementType] = [.float32, .bfloat16]

  /// Steps of two micro-batches each, and how often each waited.
  private func waits<Objective: TrainingObjective>(
    _ objective: Objective, on backend: DeviceLikeBackend, steps: Int = 3
  ) throws -> [(reads: Int, sums: Int, other: Int, uploads: Int)] {
    var settings = TrainingSettings()
    (settings.batchSize, settings.gradientAccumulationSteps, settings.epochCount) = (2, 2, 2)
    settings.learningRate = 1e-3
    let trainer = try Trainer(objective, settings: settings)
    return try (0..<steps).map { _ in
      backend.clear()
      let report = try trainer.trainStep()
      #expect(report.loss.isFinite && report.gradientNorm > 0 && report.skipCause == nil)
      return backend.waits
    }
  }

  private func joined(_ precision: ElementType, on backend: DeviceLikeBackend) throws -> JoinedPipeline {
    try AdapterGolden("causal-rank-4").parts().join(precision: precision, on: backend)
  }

  private static let policies = [
    FreezingPolicy.stage1, FreezingPolicy(trainsProjector: true, trainsDecoder: true, trainsVisionInFirstEpoch: true),
  ]

  @Test("stages 1 and 2 read once", arguments: policies.indices, precisions)
  func joint(policy: Int, precision: ElementType) throws {
    let backend = DeviceLikeBackend(activations: precision)
    let model = try joined(precision, on: backend).model
    let objective = try TrainingGoldenData().joint(model, policy: Self.policies[policy], isCheckpointed: policy == 1)
    for wait in try waits(objective, on: backend) { #expect(wait.reads == 1 && wait.sums == 1 && wait.other == 0) }
  }

  @Test("adapters with dropout read once", arguments: precisions)
  func adapters(precision: ElementType) throws {
    let backend = DeviceLikeBackend(activations: precision)
    let parts = try AdapterGolden("causal-rank-4").parts()
    var settings = SettingValues<LoraSettingList>()
    (settings.rank, settings.dropout, settings.adaptsVision) = (4, 0.25, true)
    let plan = try #require(try parts.loraPlan(settings)),
      model = try parts.join(precision: precision, on: backend).model
    let objective = try TrainingGoldenData().joint(
      model, policy: FreezingPolicy(trainsProjector: false, trainsDecoder: false),
      adapters: plan.attach(to: model, seed: 5))
    for wait in try waits(objective, on: backend) { #expect(wait.reads == 1 && wait.sums == 1 && wait.other == 0) }
  }

  @Test("stage 0, language, reads once")
  func backbones() throws {
    let backend = DeviceLikeBackend()
    let decoder = try ModelDirectory(path: ParityGolden.path("training/language_model"))
      .loadDecoder(precision: .float32, on: backend).model
    let texts = LanguageObjective(decoder: decoder, sequences: try TrainingGoldenData().samples("language"))
    for wait in try waits(texts, on: backend) { #expect(wait.reads == 1 && wait.sums == 1 && wait.other == 0) }
  }

  @Test("stage 0, vision, reads once", arguments: precisions)
  func towers(precision: ElementType) throws {
    let backend = DeviceLikeBackend(activations: precision)
    let model = try ModelDirectory(path: ParityGolden.path("training/siglip"))
      .loadSiglip(precision: precision, on: backend).model
    for wait in try waits(try TrainingGoldenData().contrastive(model), on: backend) {
      #expect(wait.reads == 1 && wait.sums == 1 && wait.other == 0)
    }
  }

  @Test("a step's numbers are those of the processor where activations are fp32, and near them in bfloat16")
  func numbers() throws {
    func report(_ backend: any Backend, _ precision: ElementType) throws -> StepReport {
      let model = try AdapterGolden("causal-rank-4").parts().join(precision: precision, on: backend).model
      var settings = TrainingSettings()
      (settings.batchSize, settings.gradientAccumulationSteps) = (2, 2)
      let objective = try TrainingGoldenData().joint(model, policy: Self.policies[1], isCheckpointed: true)
      return try Trainer(objective, settings: settings).trainStep()
    }
    let cpu = try report(TestBackend.cpu, .float32), device = try report(DeviceLikeBackend(), .float32)
    expectClose([device.loss], [cpu.loss], relative: 1e-6, "loss")
    expectClose([device.gradientNorm], [cpu.gradientNorm], relative: 1e-5, "norm")
    let narrow = try report(DeviceLikeBackend(activations: .bfloat16), .bfloat16)
    expectClose([narrow.loss], [cpu.loss], relative: 0.01, "loss in bfloat16")
    expectClose([narrow.gradientNorm], [cpu.gradientNorm], relative: 0.05, "norm in bfloat16")
  }
}
