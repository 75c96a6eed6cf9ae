import CarinaRuntime

/// Whether a run goes on from a checkpoint.
public enum ResumePolicy: SettingValue {
  /// From the newest one in the output directory, where there is one.
  case automatic
  /// From none; the output directory must not hold a run already.
  case never
  /// From this checkpoint directory.
  case from(String)

  /// `auto`, `never`, or a directory.
  public init(_ text: String) {
    switch text {
    case "auto": self = .automatic
    case "never": self = .never
    default: self = .from(text)
    }
  }

  /// As `text`.
  public var json: JSONValue { .string(text) }

  /// As the option has it.
  public var text: String {
    switch self {
    case .automatic: "auto"
    case .never: "never"
    case .from(let path): path
    }
  }
}
