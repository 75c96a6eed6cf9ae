import CarinaText

/// How many questions and answers of a training set are longer than the limits and are therefore cut at their end.
struct CutTexts: Equatable {
  private(set) var questions = 0, answers = 0

  /// Counts. An id stands for at least one byte of a text, so only texts of more bytes than ids are allowed have to be
  /// tokenised.
  init(_ samples: any TrainingSamples, renderer: PromptRenderer) throws {
    for index in 0..<samples.count {
      let (question, answer) = try samples.text(index)
      guard
        question.utf8.count > renderer.maximumQuestionTokens || answer.utf8.count > renderer.maximumAnswerTokens
      else { continue }
      let prompt = try renderer.training(question: question, answer: answer)
      if prompt.questionTruncated { questions += 1 }
      if prompt.answerTruncated { answers += 1 }
    }
  }

  /// One line for the header of a run.
  func summary(_ renderer: PromptRenderer) -> String {
    "\(questions) questions at \(renderer.maximumQuestionTokens) tokens, \(answers) answers at "
      + "\(renderer.maximumAnswerTokens)"
  }

  /// What a reader of the log should know; empty when nothing is cut.
  func remarks(of count: Int, _ renderer: PromptRenderer) -> [String] {
    var remarks: [String] = []
    if questions > 0 {
      remarks.append(
        "\(questions) of \(count) questions are cut at \(renderer.maximumQuestionTokens) tokens; \(setting: PromptSettings.name(\.maximumQuestionTokens)) sets the limit"
      )
    }
    if answers > 0 {
      remarks.append(
        "\(answers) of \(count) answers are cut at \(renderer.maximumAnswerTokens) tokens; \(setting: PromptSettings.name(\.maximumAnswerTokens)) sets the limit"
      )
    }
    return remarks
  }
}
