import CarinaRuntime
import Foundation

/// Turns question and answer into ids; training, evaluation and inference all use it.
///
/// Each segment is tokenised on its own, and what is supervised follows from the segments' lengths, never from a
/// search for ids. The text of questions and answers cannot make control ids: `<bos>` written there is five
/// characters. Limits count the ids of the question's and the answer's own text, not those of the layout.
///
/// ```swift
/// let renderer = try PromptRenderer(
///   tokenizer: tokenizer, style: .gemma, maximumQuestionTokens: 128, maximumAnswerTokens: 512)
/// let prompt = try renderer.generation(question: "Is the heart enlarged?")
/// ```
public struct PromptRenderer: Sendable {
  /// The tokenizer in use.
  public let tokenizer: any Tokenizer
  /// The layout.
  public let style: PromptStyle
  /// A question may have this many ids.
  public let maximumQuestionTokens: Int
  /// An answer may have this many ids, its end token not counted.
  public let maximumAnswerTokens: Int
  /// The ids at which generation stops: the end of sequence and the end of turn, where the vocabulary has them.
  public let stopTokens: Set<Int>

  private let opening: [Int]
  private let betweenQuestionAndAnswer: [Int]
  private let betweenAnswerAndQuestion: [Int]
  private let beforeAnswer: [Int]
  private let afterAnswer: [Int]

  /// A renderer for one style.
  /// - Throws: `CarinaError.usage` for limits below 1, `.badData` when the vocabulary lacks a piece the style needs.
  public init(
    tokenizer: any Tokenizer, style: PromptStyle, maximumQuestionTokens: Int, maximumAnswerTokens: Int
  ) throws {
    for (name, limit) in [("question", maximumQuestionTokens), ("answer", maximumAnswerTokens)] where limit < 1 {
      throw CarinaError(.usage, "the limit for the \(name) must be at least 1 token", found: "\(limit)")
    }
    func need(_ id: Int?, _ piece: String) throws -> Int {
      guard let id else {
        throw CarinaError(
          .badData, "the vocabulary has no \(piece), which the prompt style \(style.rawValue) needs",
          remedy: "Choose another \(setting: PromptSettings.name(\.style)) or a tokenizer that has it.")
      }
      return id
    }
    self.tokenizer = tokenizer
    self.style = style
    self.maximumQuestionTokens = maximumQuestionTokens
    self.maximumAnswerTokens = maximumAnswerTokens
    stopTokens = Set([tokenizer.endOfSequence, tokenizer.endOfTurn].compactMap { $0 })
    let begin = try need(tokenizer.beginOfSequence, "<bos>")
    switch style {
    case .gemma:
      let endOfTurn = try need(tokenizer.endOfTurn, "<end_of_turn>")
      _ = try need(tokenizer.startOfTurn, "<start_of_turn>")
      opening = [begin] + tokenizer.encode("<start_of_turn>user\n")
      betweenQuestionAndAnswer = tokenizer.encode("<end_of_turn>\n<start_of_turn>model\n")
      betweenAnswerAndQuestion = tokenizer.encode("\n<start_of_turn>user\n")
      beforeAnswer = []
      afterAnswer = [endOfTurn]
    case .plain:
      opening = [begin]
      betweenQuestionAndAnswer = []
      betweenAnswerAndQuestion = []
      beforeAnswer = []
      afterAnswer = [try need(tokenizer.endOfSequence, "<eos>")]
    case .seed:
      opening = []
      betweenQuestionAndAnswer = []
      betweenAnswerAndQuestion = []
      beforeAnswer = [begin]
      afterAnswer = []
    }
  }

  /// A question with its answer, which is supervised with the end token that the style gives it. What is longer than
  /// a limit is cut at its end and flagged.
  /// - Throws: `CarinaError.badData` when the answer is empty or only white space.
  public func training(question: String, answer: String) throws -> RenderedPrompt {
    guard !answer.allSatisfy(\.isWhitespace) else {
      throw CarinaError(
        .badData, "the answer is empty", remedy: "A sample without an answer teaches nothing; leave it out.")
    }
    let questionIds = questionTokens(question)
    let answerIds = plainTokens(answer)
    let prefix = questionIds.prefix(maximumQuestionTokens) + betweenQuestionAndAnswer
    let target = beforeAnswer + answerIds.prefix(maximumAnswerTokens) + afterAnswer
    return RenderedPrompt(
      tokensBeforeImage: opening, tokensAfterImage: prefix + target,
      supervised: Array(repeating: false, count: prefix.count) + Array(repeating: true, count: target.count),
      questionTruncated: questionIds.count > maximumQuestionTokens,
      answerTruncated: answerIds.count > maximumAnswerTokens)
  }

  /// A question up to where its answer begins.
  /// - Throws: `CarinaError.badData` when the question is longer than the limit: a cut question is another question.
  public func generation(question: String) throws -> RenderedPrompt {
    try conversation([], question: question)
  }

  /// A conversation about one image, which stands in its first turn, up to where the next answer begins.
  /// - Throws: `CarinaError.badData` when a question is longer than the limit, `.usage` for earlier turns in a style
  ///   that has none.
  package func conversation(_ earlier: [ConversationTurn], question: String) throws -> RenderedPrompt {
    guard earlier.isEmpty || style == .gemma else {
      throw CarinaError(
        .usage, "the prompt style \(style.rawValue) has no turns", expected: "one question at a time",
        remedy: "Only the style gemma can hold a conversation.")
    }
    var tokens = [Int]()
    for turn in earlier {
      tokens += try limitedQuestionTokens(turn.question) + betweenQuestionAndAnswer
      tokens += plainTokens(turn.answer) + afterAnswer + betweenAnswerAndQuestion
    }
    tokens += try limitedQuestionTokens(question) + betweenQuestionAndAnswer
    return RenderedPrompt(
      tokensBeforeImage: opening, tokensAfterImage: tokens, supervised: Array(repeating: false, count: tokens.count),
      questionTruncated: false, answerTruncated: false)
  }

  private func limitedQuestionTokens(_ question: String) throws -> [Int] {
    let ids = questionTokens(question)
    guard ids.count <= maximumQuestionTokens else {
      throw CarinaError(
        .badData, "the question \"\(question.prefix(40))…\" is too long",
        expected: "at most \(maximumQuestionTokens) tokens", found: "\(ids.count)",
        remedy: "Shorten it or raise \(setting: PromptSettings.name(\.maximumQuestionTokens)).")
    }
    return ids
  }

  private func questionTokens(_ question: String) -> [Int] {
    plainTokens(style == .gemma ? question.trimmingCharacters(in: .whitespacesAndNewlines) : question)
  }

  private func plainTokens(_ text: String) -> [Int] { tokenizer.encode(text, recognizingSpecialTokens: false) }
}
