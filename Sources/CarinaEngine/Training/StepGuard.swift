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

extension StepGuard {
  /// What the steps of a log leave behind, so that a resumed run judges as one that was not stopped.
  /// - Parameter lineCount: how many of its lines belong to the steps done.
  /// - Throws: `CarinaError.missingInput`, `.badData` naming the line that is no step.
  init(log path: String, lineCount: Int) throws {
    self.init()
    let lines = try LineReader(path)
    while lines.number < lineCount, let line = try lines.next() {
      let location = "\(path), line \(lines.number)", entry = try JSONValue.parse(line, source: location)
      if entry["kind"] != nil { continue }
      if entry["skipped"]?.bool == true {
        noteSkipped()
      } else if let loss = entry["loss"]?.double {
        _ = note(loss: loss)
      } else {
        throw CarinaError(
          .badData, "a line of the training log has no loss", at: location, expected: "a number, or a skipped step",
          remedy: "Restore the log, or start over in another \(setting: .outputDirectory).")
      }
    }
  }
}
