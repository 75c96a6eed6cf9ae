import CarinaRuntime

/// When a checkpoint is written without being asked for at a step: after a time since the last one, every so many
/// optimizer steps, or never.
public enum SaveInterval: Equatable, NotatedSettingValue {
  /// When so many seconds have passed since the last checkpoint: `30s`, `10min`, `2h`.
  case seconds(Double)
  /// Every so many optimizer steps: a plain number.
  case steps(Int)
  /// `never` or `0`.
  case never

  private static let units: [(name: String, seconds: Double)] = [("s", 1), ("min", 60), ("h", 3600)]

  /// Reads the notation.
  /// - Throws: `CarinaError.usage` for any other text.
  public init(notation text: String) throws {
    let number = text.prefix { ("0"..."9").contains($0) || $0 == "." }
    let unit = SaveInterval.units.first { $0.name == text.dropFirst(number.count) }?.seconds
    if text == "never" || text == "0" {
      self = .never
    } else if let steps = Int(text), steps > 0 {
      self = .steps(steps)
    } else if let unit, let count = Double(number), (count * unit).isFinite {
      self = count > 0 ? .seconds(count * unit) : .never
    } else {
      throw CarinaError(
        .usage, "\(setting: TrainingSettingList.declared.saveEvery.name) cannot be used",
        expected: "a time such as 30s, 10min or 2h, a number of optimizer steps, or never", found: text)
    }
  }

  /// The notation.
  public var text: String {
    switch self {
    case .never: return "never"
    case .steps(let steps): return "\(steps)"
    case .seconds(let seconds):
      // The largest unit of which there is a whole number.
      let unit = SaveInterval.units.last { seconds.remainder(dividingBy: $0.seconds) == 0 } ?? SaveInterval.units[0]
      let count = seconds / unit.seconds
      return (Int(exactly: count).map(String.init) ?? "\(count)") + unit.name
    }
  }

  /// As `text`.
  public var json: JSONValue { .string(text) }

  /// Whether a checkpoint is due.
  /// - Parameters:
  ///   - step: the step that was just taken, from 1.
  ///   - elapsed: seconds since the last checkpoint.
  package func isDue(atStep step: Int, elapsed: Double) -> Bool {
    switch self {
    case .never: false
    case .steps(let every): step % every == 0
    case .seconds(let seconds): elapsed >= seconds
    }
  }
}
