import CarinaRuntime

/// What the settings of tuning a pretrained SigLIP are, besides those of every training run.
public struct TowerSettingList: SettingList {
  /// The declarations.
  public static let declared = TowerSettingList()

  // What is trained and how texts are cut stands in the configuration of a run as it turned out for the model.
  /// Whether the text tower stays as it is; nil for yes.
  public let freezesText = Setting<Bool?>(
    "freeze_text_encoder", nil, help: "Leave the text tower as it is (default: frozen).", record: .never)
  /// Whether the temperature of the loss stays as it is; nil for yes. Its bias is trained in any case.
  public let freezesLogitScale = Setting<Bool?>(
    "freeze_logit_scale", nil, help: "Leave the temperature of the loss as it is (default: frozen).", record: .never)
  /// The first part of the vision tower's blocks that stays frozen, with the embeddings below it.
  public let frozenLayersRatio = Setting(
    "freeze_layers_ratio", 0.0, .part,
    help: "First part of the vision tower's blocks that stays frozen, with the embeddings below.", record: .never)
  /// The length of every text in ids; nil for as many as the text tower has positions.
  public let maximumTextLength = Setting<Int?>(
    "max_text_len", nil, .optional(.atLeast(2)),
    help: "Ids of every text, cut or padded to that (default: the positions of the text tower, 64 in SigLIP's).",
    record: .never)
  /// What is compared with an image.
  public let textUnit = Setting(
    "text_unit", TextUnit.caption, help: "What is compared with an image: its caption, or each sentence of it.",
    record: .never)
  /// Images that a tower takes at once, and as many texts as have about as many rows.
  public let chunkSize = Setting(
    "chunk_size", 4, .atLeast(1),
    help:
      "Images that go through a tower at once. Of a larger batch the features are kept and the towers run again, piece by piece, for their gradient: memory of a piece, gradient of the batch."
  )
}

/// What of a caption is one text for the loss.
public enum TextUnit: String, CaseIterable, Sendable, SettingValue {
  /// All of it.
  case caption
  /// Each of its sentences.
  case sentence

  /// The texts of a caption.
  package func texts(of caption: String) -> [String] {
    switch self {
    case .caption: [caption]
    case .sentence: CaptionSentences.split(caption)
    }
  }
}
