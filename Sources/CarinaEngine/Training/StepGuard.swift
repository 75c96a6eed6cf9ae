import CarinaRuntime

/// What a run remembers of its losses: what a usual one is, and how many steps were skipped because something was not
/// finite.
///
/// Mean and variance are exponentially weighted (West 1979), with the plain ones over the first steps.
package struct StepGuard: Equatable, Sendable {
  /// Steps skipped since the last one that was not, and in all.
  package private(set) var skippedInRow = 0, skipped = 0
  private var mean = 0.0, variance = 0.0, count = 0

  private static let smallestCount = 20, deviations = 6.0, weight = 0.02

  /// One that has seen nothing.
  package init() {}

  /// Takes note of a step that was skipped.
  mutating func noteSkipped() {
    skippedInRow += 1
    skipped += 1
  }

  /// Takes note of the loss of a step.
  /// - Returns: whether it stands out above those before: by six standard deviations, after at least twenty steps.
  package mutating func note(loss: Double) -> Bool {
    skippedInRow = 0
    let isSpike =
      count >= Self.smallestCount && loss > mean + Self.deviations * variance.squareRoot() && variance > 0
    count = min(count + 1, Int(1 / Self.weight))
    let weight = 1 / Double(count), difference = loss - mean
    mean += weight * difference
    variance = (1 - weight) * (variance + weight * difference * difference)
    return isSpike
  }
}
