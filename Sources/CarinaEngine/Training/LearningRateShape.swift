import CarinaRuntime

/// How the learning rate goes on after the warm-up.
public enum LearningRateShape: String, CaseIterable, SettingValue {
  /// Down to zero along half a cosine.
  case cosine
  /// Down to zero along a line.
  case linear
  /// As it is.
  case constant
}
