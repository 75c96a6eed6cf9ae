/// Which programs offer a setting, and in which part of their help.
public enum SettingSection: Sendable {
  /// Every program that has its list of settings.
  case common
  /// The programs of stages 1 and 2: how they optimise, in which order they take samples, when they write checkpoints.
  case optimization, order, checkpoints
  /// Stages 1 and 2, each with a default of its own.
  case stage
  /// Stages 1 and 2: what their memory may be used for.
  case memory
  /// Stage 2: adapters beside the weights.
  case adapters
  /// `preprocess`: what is read, and to which size.
  case records, size
  /// `preprocess phantom`: how its images are divided.
  case division
  /// None: the engine alone sets it.
  case engine
}
