/// What becomes of a report's words that were removed to hide a person (`XXXX`, `___`).
public enum DeidentifiedPolicy: String, CaseIterable, Sendable {
  /// The sentences that hold one are left out.
  case drop
  /// The text stays as it is.
  case keep
}
