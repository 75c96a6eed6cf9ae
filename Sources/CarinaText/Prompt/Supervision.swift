/// Which ids of a training sample are targets of the loss.
public enum Supervision: String, CaseIterable, Sendable {
  /// Those of the answer, with the piece that ends it.
  case answer
  /// Every text id of prompt and answer but the first, which nothing predicts; of an image neither its rows nor the
  /// `<start_of_image>` before them. What the published MedGemma fine-tuning does, where padding and image ids alone
  /// are masked.
  case all
}
