/// What stays together when an archive is split.
public enum SplitUnit: String, CaseIterable, Sendable {
  /// A patient.
  case patient
  /// A study.
  case study
  /// An image.
  case image
  /// Nothing is drawn: the archive's own splits are kept and checked.
  case given
}
