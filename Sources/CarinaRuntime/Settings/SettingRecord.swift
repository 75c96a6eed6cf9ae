/// Whether a setting decides numbers: what is recorded is part of a run's configuration, and a run is resumed only with
/// an equal one.
public enum SettingRecord: Sendable {
  /// It decides numbers.
  case always
  /// It decides numbers, and its default means that it is off: then it is left out, so that runs recorded before it was
  /// there are resumed.
  case unlessDefault
  /// It decides no number.
  case never
}
