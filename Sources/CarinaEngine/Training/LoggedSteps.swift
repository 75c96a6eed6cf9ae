import CarinaRuntime

/// What the lines of a log leave behind, so that a resumed run goes on as one that was not stopped.
struct LoggedSteps {
  /// What the losses of the steps teach.
  private(set) var stepGuard = StepGuard()
  /// How many lines there are, and how many of them are of steps.
  private(set) var readCount = 0, count = 0
  /// The steps after which there was a validation with a line of its own.
  private(set) var validated: Set<Int> = []

  /// Of a run that has done nothing.
  init() {}

  /// Reads a log.
  /// - Parameter lineCount: how many of its lines count.
  /// - Throws: `CarinaError.missingInput`, `.badData` naming the line that is of no step and no validation.
  init(log path: String, lineCount: Int) throws {
    let lines = try LineReader(path)
    while lines.number < lineCount, let line = try lines.next() {
      readCount += 1
      let location = "\(path), line \(lines.number)", entry = try JSONValue.parse(line, source: location)
      if entry["kind"] != nil {
        if let step = entry["step"]?.int { validated.insert(step) }
        continue
      }
      count += 1
      if entry["skipped"]?.bool == true {
        note(loss: nil)
      } else if let loss = entry["loss"]?.double {
        note(loss: loss)
      } else {
        throw CarinaError(
          .badData, "a line of the training log has no loss", at: location, expected: "a number, or a skipped step",
          remedy: "Restore the log, or start over in another \(setting: .outputDirectory).")
      }
    }
  }

  private mutating func note(loss: Double?) {
    if let loss { _ = stepGuard.note(loss: loss) } else { stepGuard.noteSkipped() }
  }

  /// Takes note of a step that has no line yet.
  mutating func note(unlogged report: StepReport) { note(loss: report.skipCause == nil ? report.loss : nil) }

  /// Takes note of a validation.
  mutating func note(validationAfter step: Int) { validated.insert(step) }
}
