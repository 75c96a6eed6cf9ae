import CarinaModel
import CarinaRuntime
import CarinaTensor

/// What a run says of one of its components before the first step.
public struct ComponentSummary: Equatable, Sendable {
  /// What it is called, and what happens to it: `frozen`, `trained`, `trained in epoch 1 of 5`.
  public let name: String, state: String
  /// Numbers in its weights, and how many of them are trained.
  public let parameters: Int, trained: Int
  /// The type of its weights.
  public let precision: String
  /// Its learning rate after the warm-up, and the decay of its matrices; nil where it is frozen.
  public let peakRate: Double?, weightDecay: Double?
}

extension JointTraining {
  /// Vision encoder, projector and language model, and the adapters beside each of them.
  public var components: [ComponentSummary] {
    let policy = options.policy, settings = options.settings, epochs = settings.epochCount
    func summary(
      _ name: String, _ parameters: [Parameter], trained: Int, state: String, rate: Double,
      storage: WeightStorage = .full
    ) -> ComponentSummary {
      ComponentSummary(
        name: name, state: trained > 0 ? state : "frozen", parameters: parameters.reduce(0) { $0 + $1.count },
        trained: trained,
        precision: storage == .full ? parameters.first?.value.elementType.rawValue ?? "" : storage.rawValue,
        peakRate: trained > 0 ? rate : nil, weightDecay: trained > 0 ? settings.weightDecay : nil)
    }
    func count(_ parameters: [Parameter]) -> Int { parameters.reduce(0) { $0 + $1.count } }
    let visionTrained = policy.trainsVisionInFirstEpoch ? model.vision.trainedParameters(for: model.feature) : []
    var rows = [
      summary(
        "vision encoder", model.vision.parameters, trained: count(visionTrained),
        state: epochs > 1 ? "trained in epoch 1 of \(epochs)" : "trained",
        rate: settings.visionRate ?? settings.learningRate, storage: options.frozenWeights.vision),
      summary(
        "projector", model.projector.parameters,
        trained: policy.trainsProjector ? count(model.projector.parameters) : 0, state: "trained",
        rate: settings.projectorRate ?? settings.learningRate),
      summary(
        "language model", model.decoder.parameters, trained: count(policy.trainedParameters(of: model.decoder)),
        state: policy.freezesEmbeddings ? "trained without its embeddings" : "trained", rate: settings.learningRate,
        storage: options.frozenWeights.base),
    ]
    for part in AdaptedPart.allCases {
      let own = (adapters?.adapters ?? []).filter { $0.part == part }.flatMap { $0.adapter.parameters }
      guard !own.isEmpty else { continue }
      rows.append(
        summary(
          "adapters, \(part.words)", own, trained: count(own), state: "trained", rate: options.lora.learningRate))
    }
    return rows
  }
}
