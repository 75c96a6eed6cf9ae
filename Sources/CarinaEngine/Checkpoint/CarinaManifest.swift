import CarinaData
import CarinaModel
import CarinaRuntime
import CarinaText

/// `carina.json` of a joined model: everything besides the weights that an answer depends on, and which weights these
/// are.
public struct CarinaManifest: Equatable, Sendable {
  /// The version of the format that this engine writes, and the one of models with an adapter, which engines that do not
  /// know of adapters must not open without it.
  package static let formatVersion = 1, adapterFormatVersion = 2
  /// The file's name.
  public static let fileName = "carina.json"

  /// One of the three parts.
  public struct Part: Equatable, Sendable {
    /// Which weights.
    package let identity: WeightsIdentity
    /// Where they are when they are not in the directory itself.
    package let reference: Reference?

    /// Collects the values.
    package init(identity: WeightsIdentity, reference: Reference?) {
      self.identity = identity
      self.reference = reference
    }
  }

  /// How the directory holds the parts.
  public enum Layout: String, Sendable, CaseIterable {
    /// Each in a directory of its own, or by reference.
    case parts
    /// All of them as one `Gemma3ForConditionalGeneration`, or as one `LlavaForConditionalGeneration`.
    case gemma3, llava

    /// That of a joined model of transformers.
    package init(_ kind: JoinedModelKind) {
      switch kind {
      case .gemma3: self = .gemma3
      case .llava: self = .llava
      }
    }
  }

  /// Where a part that was not copied lies.
  package struct Reference: Equatable, Sendable {
    /// The absolute path at the time of writing.
    package let path: String
    /// The path from the manifest's directory, so that both may move together.
    package let relativePath: String
    /// What the user called it: a path or an id of the Hugging Face hub.
    public let name: String

    /// Collects the values.
    package init(path: String, relativePath: String, name: String) {
      self.path = path
      self.relativePath = relativePath
      self.name = name
    }
  }

  /// How the directory holds the parts; in the file where it is not `parts`.
  public var layout = Layout.parts
  /// How question, image and answer are laid out.
  package var promptStyle: PromptStyle
  /// The system text before the first question; nil for none, and then it is not in the file.
  package var system: String?
  /// Limits on the ids of a question and of an answer.
  public var maximumQuestionTokens: Int, maximumAnswerTokens: Int
  /// What the projector reads, and whether without the first patch.
  public var feature: VisionFeature, dropsFirstPatch: Bool
  /// The settings of the image transform, as `ImageTransform.settings` gives them.
  package var transformSettings: JSONValue
  /// The transform's id.
  package var transformID: String
  /// The three parts.
  public var languageModel: Part, visionEncoder: Part, projector: Part
  /// Which adapter stands on the parts; nil for none, and then it is not in the file.
  package var adapter: WeightsIdentity?
  /// What the run says about itself (stage, step, epoch); not read back by the engine.
  public var training: JSONValue

  /// Collects the values.
  package init(
    promptStyle: PromptStyle, maximumQuestionTokens: Int, maximumAnswerTokens: Int, feature: VisionFeature,
    dropsFirstPatch: Bool, transform: ImageTransform, languageModel: Part, visionEncoder: Part, projector: Part,
    training: JSONValue = [:]
  ) {
    self.promptStyle = promptStyle
    self.maximumQuestionTokens = maximumQuestionTokens
    self.maximumAnswerTokens = maximumAnswerTokens
    self.feature = feature
    self.dropsFirstPatch = dropsFirstPatch
    transformSettings = transform.settings
    transformID = transform.id
    self.languageModel = languageModel
    self.visionEncoder = visionEncoder
    self.projector = projector
    self.training = training
  }
}
