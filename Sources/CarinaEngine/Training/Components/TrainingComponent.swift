import CarinaModel
import CarinaTensor

/// A part of a run that has a learning rate, and a gradient norm in the log, of its own.
package enum TrainingComponent: String, CaseIterable, Sendable {
  /// Weights of the three parts themselves, and the adapters beside any of them; named as the log names them.
  case visionEncoder = "vision_encoder"
  case projector
  case languageModel = "language_model"
  case adapters

  /// To which part each weight of a model belongs.
  static func byParameter(
    _ model: VisionLanguageModel, _ adapters: TrainedAdapters?
  ) -> [ObjectIdentifier: TrainingComponent] {
    let parts: [(TrainingComponent, [Parameter])] = [
      (.visionEncoder, model.vision.parameters), (.projector, model.projector.parameters),
      (.languageModel, model.decoder.parameters), (.adapters, adapters?.parameters ?? []),
    ]
    var result: [ObjectIdentifier: TrainingComponent] = [:]
    for (component, parameters) in parts {
      for parameter in parameters { result[ObjectIdentifier(parameter)] = component }
    }
    return result
  }
}
