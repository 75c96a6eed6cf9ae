import CarinaModel
import CarinaText

/// A joined model named by its parts instead of by one directory.
public struct ModelParts: Equatable, Sendable {
  /// Directories, or ids in the Hugging Face cache on disk.
  public var visionModel: String, languageModel: String, projector: String
  /// How question, image and answer are laid out.
  public var promptStyle = PromptStyle.gemma
  /// A text before the first question, in the style gemma3; nil for none.
  public var system: String?
  /// What the projector reads, and whether without the first patch.
  public var feature = VisionFeature.postNorm, dropsFirstPatch = false

  /// Parts in Gemma's layout.
  public init(visionModel: String, languageModel: String, projector: String) {
    self.visionModel = visionModel
    self.languageModel = languageModel
    self.projector = projector
  }
}
