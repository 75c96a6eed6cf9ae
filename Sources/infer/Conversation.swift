import Carina
import CommandOptions
import Foundation

/// Questions about one image, or several, a line each, with the model remembering the earlier turns.
struct Conversation {
  let session: AnswerSession
  let imagePaths: [String]
  let json: Bool

  /// Answers until the input ends. A question that cannot be asked is reported and forgotten.
  /// - Throws: `CarinaError.usage` for a model without turns, `.badData` in the end when a question could not be asked.
  func run() throws {
    guard session.answering.renderer.style.hasTurns else {
      throw CarinaError(
        .usage, "the prompt style \(session.answering.renderer.style.rawValue) has no turns",
        remedy: "Add --question: only models of the styles gemma and gemma3 can hold a conversation.")
    }
    let started = ProcessInfo.processInfo.systemUptime
    var images = QuestionImages()
    let indices = try images.indices(of: imagePaths, session.answering.transform)
    let seen = ProcessInfo.processInfo.systemUptime
    let rows = try session.imageRows(of: images.pixels)
    let encoded = ProcessInfo.processInfo.systemUptime
    var turns: [ConversationTurn] = [], refused = 0, number = 0
    let lines = LineReader()
    while let line = try nextLine(lines) {
      number += 1
      guard !line.allSatisfy(\.isWhitespace) else { continue }
      let prompt: RenderedPrompt
      do {
        prompt = try session.prompt(line, after: turns, images: indices.count)
      } catch let error as CarinaError {
        refused += 1
        writeError("line \(number): \(error)")
        continue
      }
      let group = try session.answers([(indices, prompt)], imageRows: rows) { _, text in
        if !json { try writeAnswer(text) }
      }
      let answer = group.answers[0]
      if json {
        let timed = TimedAnswer(
          answer: answer, imageSeconds: seen - started, visionSeconds: encoded - seen,
          prefillSeconds: group.prefillSeconds, decodeSeconds: group.decodeSeconds, groupSize: 1)
        let asked = ImageQuestion(imagePaths: imagePaths, question: line)
        try writeToStandardOutput(AnswerRecord.line(asked, timed, session.answering))
      } else {
        try writeToStandardOutput("\n")
      }
      turns.append(ConversationTurn(question: line, answer: answer.text))
    }
    guard refused == 0 else { throw CarinaError(.badData, "\(refused) questions could not be asked") }
  }

  private func nextLine(_ lines: LineReader) throws -> String? {
    if isatty(0) == 1 { writeToStandardError("> ") }
    guard var line = try lines.next() else { return nil }
    if line.last == UInt8(ascii: "\r") { line.removeLast() }
    return String(decoding: line, as: UTF8.self)
  }
}
