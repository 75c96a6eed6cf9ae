import CarinaRuntime

/// The kinds of model of transformers that hold vision encoder, projector and decoder in one directory; the raw value is
/// the `model_type` of their `config.json`.
public enum JoinedModelKind: String, CaseIterable, Sendable {
  /// `Gemma3ForConditionalGeneration`: Gemma 3's projector, and images whose rows see each other both ways.
  case gemma3
  /// `LlavaForConditionalGeneration` with a SigLIP tower and a Gemma 3 decoder: an MLP over the features before the
  /// tower's last norm (Liu et al. 2023, LLaVA-1.5).
  case llava

  /// The kind that a `config.json` names; nil for another model.
  package init?(configuration json: JSONValue) {
    guard let kind = json["model_type"]?.string.flatMap(JoinedModelKind.init) else { return nil }
    self = kind
  }

  /// The class of transformers, as `architectures` in `config.json` has it.
  package var architecture: String {
    switch self {
    case .gemma3: "Gemma3ForConditionalGeneration"
    case .llava: "LlavaForConditionalGeneration"
    }
  }

  /// All classes, for errors: `a Gemma3ForConditionalGeneration or a LlavaForConditionalGeneration`.
  package static let words = allCases.map { "a \($0.architecture)" }.joined(separator: " or ")
}
