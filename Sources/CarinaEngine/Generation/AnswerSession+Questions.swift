import CarinaData
import CarinaRuntime
import CarinaText
import Foundation

extension AnswerSession {
  /// Answers many questions, `groupSize` side by side. An image that several of a group ask about is encoded once.
  ///
  /// - Parameter each: told each line's outcome, in order.
  /// - Throws: what is wrong with the model, and what `each` throws; what is wrong with a line is its outcome.
  public func answer(
    _ lines: [QuestionsFile.Line], groupSize: Int, each: (QuestionOutcome) throws -> Void
  ) throws {
    precondition(groupSize >= 1)
    for first in stride(from: 0, to: lines.count, by: groupSize) {
      let group = lines[first..<min(lines.count, first + groupSize)]
      for outcome in try answerTogether(Array(group)) { try each(outcome) }
    }
  }

  /// Answers one question about image files; `onText` is told the text as it is made.
  /// - Throws: `CarinaError.missingInput` and `.badData` for an image or the model, as `prompt` for the question, and
  ///   what `onText` throws.
  public func answer(
    _ question: ImageQuestion, onText: (String) throws -> Void = { _ in }
  ) throws -> TimedAnswer {
    let prompt = try prompt(question.question, images: question.imagePaths.count)
    let started = ProcessInfo.processInfo.systemUptime
    var images = QuestionImages()
    let indices = try images.indices(of: question.imagePaths, answering.transform)
    let seen = ProcessInfo.processInfo.systemUptime
    let rows = try imageRows(of: images.pixels)
    let encoded = ProcessInfo.processInfo.systemUptime
    let group = try answers([(indices, prompt)], imageRows: rows) { try onText($1) }
    return TimedAnswer(
      answer: group.answers[0], imageSeconds: seen - started, visionSeconds: encoded - seen,
      prefillSeconds: group.prefillSeconds, decodeSeconds: group.decodeSeconds, groupSize: 1)
  }

  private func answerTogether(_ lines: [QuestionsFile.Line]) throws -> [QuestionOutcome] {
    var images = QuestionImages()
    var asked: [(images: [Int], prompt: RenderedPrompt)] = []
    var results: [Result<Int, CarinaError>] = []
    let started = ProcessInfo.processInfo.systemUptime
    for line in lines {
      do {
        let question = try line.question.get()
        let prompt = try prompt(question.question, images: question.imagePaths.count)
        let indices = try images.indices(of: question.imagePaths, answering.transform)
        results.append(.success(asked.count))
        asked.append((indices, prompt))
      } catch let error as CarinaError {
        results.append(.failure(error))
      }
    }
    let seen = ProcessInfo.processInfo.systemUptime
    var answered: [TimedAnswer] = []
    if !asked.isEmpty {
      let rows = try imageRows(of: images.pixels)
      let encoded = ProcessInfo.processInfo.systemUptime
      let group = try answers(asked, imageRows: rows)
      answered = group.answers.map {
        TimedAnswer(
          answer: $0, imageSeconds: seen - started, visionSeconds: encoded - seen,
          prefillSeconds: group.prefillSeconds, decodeSeconds: group.decodeSeconds, groupSize: asked.count)
      }
    }
    return zip(lines, results).map { line, result in
      QuestionOutcome(line: line.number, question: try? line.question.get(), result: result.map { answered[$0] })
    }
  }
}
