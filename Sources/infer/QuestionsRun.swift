import Carina
import CommandOptions

/// Answers a file of questions in its order.
struct QuestionsRun {
  let session: AnswerSession
  let json: Bool

  /// Lines that cannot be answered are reported and, with JSON, stay in their order.
  /// - Throws: `CarinaError.badData` in the end when there were such lines.
  func answer(_ questions: QuestionsFile, batchSize: Int) throws {
    let progress = ProgressLine("infer", unit: "questions", total: questions.lines.count)
    var done = 0, failed = 0
    try session.answer(questions.lines, groupSize: batchSize) { outcome in
      done += 1
      switch outcome.result {
      case .success(let answered):
        guard let question = outcome.question else { return }
        if json {
          try writeToStandardOutput(AnswerRecord.line(question, answered, session.answering))
        } else {
          try writeAnswer(
            "\(question.imagePaths.joined(separator: ", ")): \(question.question)\n\(answered.answer.text)\n\n")
        }
      case .failure(let error):
        failed += 1
        writeError("line \(outcome.line): \(error)")
        if json { try writeToStandardOutput(AnswerRecord.line(outcome.line, outcome.question, error)) }
      }
      progress.update(done, note: failed > 0 ? "\(failed) not answered" : "")
    }
    progress.finish(done, note: failed > 0 ? "\(failed) not answered" : "")
    guard failed == 0 else {
      throw CarinaError(
        .badData, "\(failed) of \(done) questions could not be answered", remedy: "The reasons are above, line by line."
      )
    }
  }
}
