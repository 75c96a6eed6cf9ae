import CarinaRuntime

/// Gemma 3's own prompt, as its processor makes it (transformers `processing_gemma3.py` and the chat template of the
/// published checkpoints).
///
/// The reference tokenises the whole prompt as one text, in which a run of line breaks is one piece wherever its breaks
/// come from: the one behind `user` and the two before an image are one piece of three. Control pieces cut the text, so
/// the text between two of them is tokenised as a whole here, and nothing that a user writes becomes a control piece.
struct Gemma3PromptLayout: Sendable {
  private let tokenizer: any Tokenizer
  private let begin: Int, startOfTurn: Int, endOfTurn: Int, endOfImage: Int
  /// The piece that announces an image.
  let startOfImage: Int
  private let system: String?

  /// The layout with a tokenizer's pieces.
  /// - Parameters:
  ///   - system: a text that stands before the first question; nil for none.
  ///   - need: the id of a piece, or an error that it is missing.
  init(
    tokenizer: any Tokenizer, system: String?, need: (_ id: Int?, _ piece: String) throws -> Int
  ) throws {
    self.tokenizer = tokenizer
    self.system = system
    begin = try need(tokenizer.beginOfSequence, "<bos>")
    startOfTurn = try need(tokenizer.startOfTurn, "<start_of_turn>")
    endOfTurn = try need(tokenizer.endOfTurn, "<end_of_turn>")
    startOfImage = try need(tokenizer.id(of: "<start_of_image>"), "<start_of_image>")
    endOfImage = try need(tokenizer.id(of: "<end_of_image>"), "<end_of_image>")
  }

  /// The ids of a question without what surrounds it.
  func questionTokens(_ question: String) -> [Int] { plain(Gemma3PromptLayout.trimmed(question)) }

  /// The ids of an answer without what surrounds it.
  func answerTokens(_ answer: String) -> [Int] { plain(Gemma3PromptLayout.trimmed(answer)) }

  /// The prompt up to where the answer to the last question begins, cut where the images stand, which is in the first
  /// turn before its question.
  /// - Parameters:
  ///   - earlier: turns with their answers.
  ///   - question: the last question.
  ///   - images: how many images there are.
  ///   - excess: how many ids are left out at the end of the last question.
  func segments(
    after earlier: [ConversationTurn], question: String, images: Int, leavingOut excess: Int = 0
  ) -> [[Int]] {
    var segments: [[Int]] = [], ids = [begin], text = ""
    func flush() {
      ids += plain(text)
      text = ""
    }
    func control(_ id: Int) {
      flush()
      ids.append(id)
    }
    for turn in 0...earlier.count {
      control(startOfTurn)
      text += "user\n"
      if turn == 0 {
        if let system { text += system + "\n\n" }
        for _ in 0..<images {
          text += "\n\n"
          control(startOfImage)
          segments.append(ids)
          ids = [endOfImage]
          text += "\n\n"
        }
      }
      text += Gemma3PromptLayout.trimmed(turn < earlier.count ? earlier[turn].question : question)
      flush()
      if turn == earlier.count { ids.removeLast(excess) }
      control(endOfTurn)
      text += "\n"
      control(startOfTurn)
      text += "model\n"
      if turn < earlier.count {
        text += Gemma3PromptLayout.trimmed(earlier[turn].answer)
        control(endOfTurn)
        text += "\n"
      }
    }
    flush()
    segments.append(ids)
    return segments
  }

  private func plain(_ text: String) -> [Int] { tokenizer.encode(text, recognizingSpecialTokens: false) }

  /// A text without the white space around it, as the template's `trim` (Python's `str.strip`) has it: Foundation's set
  /// has the zero-width space and lacks the separators U+001C to U+001F.
  static func trimmed(_ text: String) -> String {
    func isSpace(_ scalar: Unicode.Scalar) -> Bool {
      switch scalar.value {
      case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
      default: false
      }
    }
    let scalars = text.unicodeScalars
    guard let first = scalars.firstIndex(where: { !isSpace($0) }), let last = scalars.lastIndex(where: { !isSpace($0) })
    else { return "" }
    return String(scalars[first...last])
  }
}
