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
  /// A text that stands before the first question, in the style gemma3; nil for none.
  public let system: String?
  /// Which ids of a training sample are to be predicted.
  package var supervision = Supervision.answer
  /// The ids at which generation stops: the end of sequence and the end of turn, where the vocabulary has them.
  public let stopTokens: Set<Int>

  private let opening: [Int]
  private let betweenQuestionAndAnswer: [Int]
  private let betweenAnswerAndQuestion: [Int]
  private let beforeAnswer: [Int]
  private let afterAnswer: [Int]
  private let gemma3: Gemma3PromptLayout?

  /// A renderer for one style.
  /// - Throws: `CarinaError.usage` for limits below 1 and for a system text in a style that has none, `.badData` when the
  ///   vocabulary lacks a piece the style needs.
  public init(
    tokenizer: any Tokenizer, style: PromptStyle, maximumQuestionTokens: Int, maximumAnswerTokens: Int,
    system: String? = nil
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
    guard system == nil || style == .gemma3 else {
      throw CarinaError(
        .usage, "the prompt style \(style.rawValue) has no system text",
        remedy: "Leave \(setting: PromptSettings.name(\.system)) out, or choose the style gemma3.")
    }
    self.tokenizer = tokenizer
    self.style = style
    self.system = system
    self.maximumQuestionTokens = maximumQuestionTokens
    self.maximumAnswerTokens = maximumAnswerTokens
    stopTokens = Set([tokenizer.endOfSequence, tokenizer.endOfTurn].compactMap { $0 })
    let begin = try need(tokenizer.beginOfSequence, "<bos>")
    gemma3 =
      style == .gemma3 ? try Gemma3PromptLayout(tokenizer: tokenizer, system: system, need: need) : nil
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
    case .gemma3:
      opening = []
      betweenQuestionAndAnswer = []
      betweenAnswerAndQuestion = []
      beforeAnswer = []
      afterAnswer = [try need(tokenizer.endOfTurn, "<end_of_turn>")]
    }
  }

  /// The same with another limit for answers; itself where that is nil.
  /// - Throws: as `init`.
  package func limited(answerTokens limit: Int?) throws -> PromptRenderer {
    guard let limit else { return self }
    var renderer = try PromptRenderer(
      tokenizer: tokenizer, style: style, maximumQuestionTokens: maximumQuestionTokens, maximumAnswerTokens: limit,
      system: system)
    renderer.supervision = supervision
    return renderer
  }

  /// A question with its answer, which is supervised with the end token that the style gives it, and with `supervision`
  /// the prompt before it. What is longer than a limit is cut at its end and flagged.
  /// - Parameter images: how many images stand before the question, one after the other; none in the style gemma3 only.
  /// - Throws: `CarinaError.badData` when the answer is empty or only white space, `.usage` for a number of images that
  ///   the style does not have.
  public func training(question: String, answer: String, images: Int = 1) throws -> RenderedPrompt {
    try requireSlots(images)
    guard !answer.allSatisfy(\.isWhitespace) else {
      throw CarinaError(
        .badData, "the answer is empty", remedy: "A sample without an answer teaches nothing; leave it out.")
    }
    let questionIds = questionTokens(question)
    let answerIds = gemma3?.answerTokens(answer) ?? plainTokens(answer)
    if let gemma3 {
      let excess = max(0, questionIds.count - maximumQuestionTokens)
      return RenderedPrompt(
        segments: gemma3.segments(after: [], question: question, images: images, leavingOut: excess),
        target: answerIds.prefix(maximumAnswerTokens) + afterAnswer, supervision: supervision,
        imageMark: gemma3.startOfImage, questionTruncated: excess > 0,
        answerTruncated: answerIds.count > maximumAnswerTokens)
    }
    let prefix = questionIds.prefix(maximumQuestionTokens) + betweenQuestionAndAnswer
    let target: [Int] = beforeAnswer + answerIds.prefix(maximumAnswerTokens) + afterAnswer
    return RenderedPrompt(
      segments: segments(images, Array(prefix)), target: target, supervision: supervision,
      questionTruncated: questionIds.count > maximumQuestionTokens,
      answerTruncated: answerIds.count > maximumAnswerTokens)
  }

  /// A question up to where its answer begins.
  /// - Throws: `CarinaError.badData` when the question is longer than the limit: a cut question is another question.
  public func generation(question: String, images: Int = 1) throws -> RenderedPrompt {
    try conversation([], question: question, images: images)
  }

  /// A conversation about images that stand in its first turn, up to where the next answer begins.
  /// - Throws: `CarinaError.badData` when a question is longer than the limit, `.usage` for earlier turns in a style
  ///   that has none.
  package func conversation(
    _ earlier: [ConversationTurn], question: String, images: Int = 1
  ) throws -> RenderedPrompt {
    try requireSlots(images)
    guard earlier.isEmpty || style.hasTurns else {
      throw CarinaError(
        .usage, "the prompt style \(style.rawValue) has no turns", expected: "one question at a time",
        remedy: "Only the styles gemma and gemma3 can hold a conversation.")
    }
    if let gemma3 {
      for asked in earlier.map(\.question) + [question] { _ = try limitedQuestionTokens(asked) }
      return RenderedPrompt(
        segments: gemma3.segments(after: earlier, question: question, images: images), target: [],
        questionTruncated: false, answerTruncated: false)
    }
    var tokens = [Int]()
    for turn in earlier {
      tokens += try limitedQuestionTokens(turn.question) + betweenQuestionAndAnswer
      tokens += plainTokens(turn.answer) + afterAnswer + betweenAnswerAndQuestion
    }
    tokens += try limitedQuestionTokens(question) + betweenQuestionAndAnswer
    return RenderedPrompt(
      segments: segments(images, tokens), target: [], questionTruncated: false, answerTruncated: false)
  }

  /// The most images that a question may have.
  package static let imageLimit = ImageMarks.imageLimit

  /// The ids around images that follow each other with nothing between them.
  private func segments(_ images: Int, _ last: [Int]) -> [[Int]] {
    [opening] + Array(repeating: [], count: images - 1) + [last]
  }

  private func requireSlots(_ images: Int) throws {
    let allowed = (style == .gemma3 ? 0 : 1)...PromptRenderer.imageLimit
    guard !allowed.contains(images) else { return }
    throw CarinaError(
      .usage, "the prompt style \(style.rawValue) cannot hold these images",
      expected: "\(allowed.lowerBound) to \(allowed.upperBound) images", found: "\(images)",
      remedy: images == 0 ? "Only the style gemma3 goes without an image." : "Ask about fewer images.")
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
    if let gemma3 { return gemma3.questionTokens(question) }
    return plainTokens(style == .gemma ? question.trimmingCharacters(in: .whitespacesAndNewlines) : question)
  }

  private func plainTokens(_ text: String) -> [Int] { tokenizer.encode(text, recognizingSpecialTokens: false) }
}
