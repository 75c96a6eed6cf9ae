import CarinaRuntime

/// What the settings of a prompt are.
public struct PromptSettingList: SettingList {
  /// The declarations.
  public static let declared = PromptSettingList()

  /// Layout of texts.
  public let style = Setting(
    "prompt_style", PromptStyle.gemma,
    help: "gemma, plain, seed or gemma3 (default: plain in stage 1, gemma in stage 2).",
    showsDefault: false)
  /// A text before the first question, in the style gemma3; nil for none.
  public let system = Setting<String?>(
    "system", nil, help: "A system text before the question, in the style gemma3 (default: none).",
    record: .unlessDefault, showsDefault: false, valueName: "text")
  /// Most ids of a question; what is longer is cut.
  public let maximumQuestionTokens = Setting("max_q_len", 128, .atLeast(1), help: "Most ids of a question.")
  /// Most ids of an answer; what is longer is cut.
  public let maximumAnswerTokens = Setting("max_a_len", 512, .atLeast(1), help: "Most ids of an answer.")
  /// Which ids are to be predicted.
  public let supervision = Setting(
    "supervise", Supervision.answer,
    help:
      "What the loss is taken on: the answer, or all of prompt and answer but images, as published MedGemma runs do.",
    record: .unlessDefault)
}

extension PromptStyle: SettingValue {}
extension Supervision: SettingValue {}
