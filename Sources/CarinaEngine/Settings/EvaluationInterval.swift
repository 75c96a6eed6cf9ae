import CarinaRuntime

/// When a run is validated: at the end of each epoch, or every so many optimizer steps; and in any case after the last
/// step.
public enum EvaluationInterval: Equatable, NotatedSettingValue {
  /// At the end of each epoch: `epoch`.
  case epoch
  /// Every so many optimizer steps: a plain number.
  case steps(Int)

  /// Reads the notation.
  /// - Throws: `CarinaError.usage` for any other text.
  public init(notation text: String) throws {
    if text == "epoch" {
      self = .epoch
    } else if let steps = Int(text), steps > 0 {
      self = .steps(steps)
    } else {
      throw CarinaError(
        .usage, "\(setting: ValidationSettingList.declared.evalEvery.name) cannot be used",
        expected: "a number of optimizer steps, or epoch", found: text)
    }
  }

  /// The notation.
  public var text: String {
    switch self {
    case .epoch: "epoch"
    case .steps(let steps): "\(steps)"
    }
  }

  /// As `text`.
  public var json: JSONValue { .string(text) }

  /// How many validations there are up to a step of a run, that step's own among them.
  package func count(upTo step: Int, of totalSteps: Int, stepsPerEpoch: Int) -> Int {
    let period =
      switch self {
      case .epoch: stepsPerEpoch
      case .steps(let steps): steps
      }
    return step / period + (step > 0 && step == totalSteps && step % period != 0 ? 1 : 0)
  }
}
