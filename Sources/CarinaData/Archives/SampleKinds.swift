/// Which samples labels and reports become.
public enum SampleKinds: String, CaseIterable, Sendable {
  /// An image with a caption or report: stage 1.
  case captions
  /// Questions with answers: stage 2.
  case questions
  /// Both.
  case all
}
