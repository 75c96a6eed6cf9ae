import TestSupport
import Testing

import Carina

@Suite("Accumulation") struct AccumulationTests {
  private static let parts = FreezingPolicy(trainsProjector: true, trainsDecoder: true, trainsVisionInFirstEpoch: true)

  private struct Gradients {
    let loss: Double, values: [String: [Double]]
  }

  /// The gradients of eight samples of all lengths, in so many micro-batches.
  private func gradients(
    _ objective: JointObjective, microBatches: Int, isAdapted: Bool
  ) throws -> Gradients {
    let trained = objective.trainedParameters(epoch: 0), samples = Array(0..<8)
    #expect(isAdapted == trained.contains { $0.name.hasSuffix("lora_A.weight") })
    for parameter in trained {
      parameter.setTrainable(true)
      parameter.clearGradient()
    }
    let size = samples.count / microBatches
    let batches = try (0..<microBatches).map { try objective.prepare(Array(samples[$0 * size..<($0 + 1) * size])) }
    let tokens = batches.reduce(0) { $0 + objective.weight(of: $1) }
    objective.begin(step: 0)
    let loss =
      try batches.reduce(0) { try $0 + objective.accumulate($1, scale: 1 / Float(tokens)).value } / Double(tokens)
    return Gradients(
      loss: loss,
      values: Dictionary(uniqueKeysWithValues: trained.map { ($0.name, $0.gradient?.doubles ?? []) }))
  }

  @Test(
    "k micro-batches of ragged lengths are one batch k times as large, to 1e-6", arguments: [2, 4, 8],
    [(false, Supervision.answer), (true, .answer), (false, .all), (true, .all)])
  func equal(microBatches: Int, kind: (isAdapted: Bool, supervision: Supervision)) throws {
    let (isAdapted, supervision) = kind
    let model = try TrainingGoldenData.model()
    var adapters: TrainedAdapters?
    if isAdapted {
      var settings = SettingValues<LoraSettingList>()
      settings.rank = 4
      settings.adaptsVision = true
      settings.adaptsProjector = true
      let plan = try #require(
        try LoraPlan(
          settings, decoder: model.decoder.config, vision: model.vision.config, projector: model.projector.config))
      adapters = plan.attach(to: model, seed: 3)
      // With zeros in B the gradient of A would be zero.
      for (index, (_, adapter)) in (adapters?.adapters ?? []).enumerated() {
        adapter.b.assign(Tensor.random(adapter.b.shape, seed: UInt64(100 + index)))
      }
    }
    let objective = try TrainingGoldenData().joint(
      model, policy: isAdapted ? FreezingPolicy(trainsProjector: false, trainsDecoder: false) : Self.parts,
      supervision: supervision, adapters: adapters)
    let lengths = try objective.prepare(Array(0..<8)).sequences.map { $0.length(imageRows: 9) }
    #expect(Set(lengths).count > 4, "\(lengths)")

    let whole = try gradients(objective, microBatches: 1, isAdapted: isAdapted)
    let divided = try gradients(objective, microBatches: microBatches, isAdapted: isAdapted)
    expectClose([divided.loss], [whole.loss], relative: 1e-6)
    #expect(whole.values.count == divided.values.count && !whole.values.isEmpty)
    var difference = 0.0, sum = 0.0
    for (name, expected) in whole.values {
      let found = try #require(divided.values[name])
      #expect(found.count == expected.count && !expected.isEmpty, "\(name)")
      difference += zip(found, expected).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      sum += expected.reduce(0) { $0 + $1 * $1 }
    }
    #expect(sum > 0 && (difference / sum).squareRoot() < 1e-6, "\((difference / sum).squareRoot())")
  }
}
