import CarinaModel
import CarinaTensor

/// A part of the joined model that can have adapters.
package enum AdaptedPart: String, CaseIterable, Sendable {
  /// The decoder, the vision encoder, and what stands between them; named as directories of a joined model are.
  case languageModel = "language_model"
  case visionEncoder = "vision_encoder"
  case projector = "projection_layer"

  /// As a sentence has it.
  var words: String {
    switch self {
    case .languageModel: "language model"
    case .visionEncoder: "vision encoder"
    case .projector: "projector"
    }
  }

  /// The affine maps of this part of a model.
  package func maps(of model: VisionLanguageModel) -> [Linear] {
    switch self {
    case .languageModel: model.decoder.maps
    case .visionEncoder: model.vision.maps
    case .projector: model.projector.maps
    }
  }

  /// Every weight of this part of a model.
  func parameters(of model: VisionLanguageModel) -> [Parameter] {
    switch self {
    case .languageModel: model.decoder.parameters
    case .visionEncoder: model.vision.parameters
    case .projector: model.projector.parameters
    }
  }
}
