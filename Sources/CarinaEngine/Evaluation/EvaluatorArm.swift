import CarinaRuntime

/// Which pixels stand in the place of a question's images while it is asked: what a score owes to them.
public enum EvaluatorArm: String, CaseIterable, Sendable {
  /// The images themselves.
  case trueImage = "true"
  /// Other images of those evaluated, those of one question together, of another patient where patients are known
  /// (`ShuffledImages`).
  case shuffled
  /// Every pixel at the transform's mean, which is 0 once normalised.
  case blank

  /// The name of the arm's file of predictions.
  package var predictionsFileName: String {
    self == .trueImage ? "predictions.jsonl" : "predictions-\(rawValue).jsonl"
  }

  /// Reads a list such as `true,shuffled,blank`, in this or another order.
  /// - Returns: the arms in the order of their declaration.
  /// - Throws: `CarinaError.usage` for an unknown name, a repeated one, or a list without `true`, whose scores the
  ///   others are compared with.
  public static func list(_ text: String) throws -> [EvaluatorArm] {
    let names = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    let arms = names.compactMap(EvaluatorArm.init)
    guard arms.count == names.count, Set(arms).count == arms.count, arms.contains(.trueImage) else {
      throw CarinaError(
        .usage, "\(setting: .arms) cannot be used",
        expected: "true, and if wanted shuffled and blank, joined by commas",
        found: text)
    }
    return allCases.filter(arms.contains)
  }
}
