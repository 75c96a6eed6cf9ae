/// Which of the vision encoder's outputs the projector reads.
public enum VisionFeature: String, CaseIterable, Codable, Sendable {
  /// After the post layer norm: `last_hidden_state` of the checkpoint's own model.
  case postNorm = "post-norm"
  /// The last block's output before that norm.
  case preNorm = "pre-norm"
}
