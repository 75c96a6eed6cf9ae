import Foundation
import TestSupport
import Testing

import Carina

@Suite("Answer session") struct AnswerSessionTests {
  private func session(
    _ tiny: TinyJoinedModel, change: (inout GenerationOptions) -> Void = { _ in }
  ) throws -> AnswerSession {
    var options = GenerationOptions()
    options.maximumNewTokens = 12
    change(&options)
    return try AnswerSession(AnsweringModel.load(checkpoint: tiny.path, precision: .float32), options: options)
  }

  @Test("the streamed pieces are the answer, and the answer is the text of its ids")
  func streaming() throws {
    let tiny = try TinyJoinedModel()
    let image = try tiny.image(1)
    for beams in [1, 3] {
      let session = try session(tiny) { $0.beamCount = beams }
      var streamed = ""
      let timed = try session.answer(ImageQuestion(imagePath: image, question: "is there an effusion?")) {
        streamed += $0
      }
      #expect(!timed.answer.tokens.isEmpty)
      #expect(timed.answer.text == streamed)
      #expect(timed.answer.promptRows == 4 + (try session.prompt("is there an effusion?").count))
      let ascii = timed.answer.tokens.filter { session.answering.renderer.tokenizer.piece(of: $0)?.first != "<" }
      let tokenizer = session.answering.renderer.tokenizer
      if ascii == timed.answer.tokens { #expect(streamed == tokenizer.decode(ascii, skipSpecialTokens: true)) }
    }
  }

  @Test("the answer follows the image, the question, and the parts it is loaded from")
  func dependence() throws {
    let tiny = try TinyJoinedModel(seed: 3)
    let session = try session(tiny) { ($0.temperature, $0.seed) = (1, 5) }
    func tokens(_ session: AnswerSession, _ image: Int, _ question: String) throws -> [Int] {
      try session.answer(ImageQuestion(imagePath: tiny.image(image), question: question)).answer.tokens
    }
    let first = try tokens(session, 1, "is there an effusion?")
    #expect(try tokens(session, 1, "is there an effusion?") == first)
    #expect(try tokens(session, 2, "is there an effusion?") != first)
    #expect(try tokens(session, 1, "is the heart enlarged?") != first)

    let parts = ModelParts(
      visionModel: tiny.path + "/vision_encoder", languageModel: tiny.path + "/language_model",
      projector: tiny.path + "/projection_layer")
    var options = GenerationOptions()
    (options.maximumNewTokens, options.temperature, options.seed) = (12, 1, 5)
    let joined = try AnswerSession(AnsweringModel.load(parts, precision: .float32), options: options)
    #expect(try tokens(joined, 1, "is there an effusion?") == first)
    #expect(joined.answering.renderer.maximumQuestionTokens == 512)
    #expect(session.answering.renderer.maximumQuestionTokens == 24)
  }

  @Test("lines are answered in order as if each were alone, and bad ones keep their place")
  func manyLines() throws {
    let tiny = try TinyJoinedModel(seed: 4)
    let session = try session(tiny)
    let (one, two) = (try tiny.image(1), try tiny.image(2))
    let text = """
      {"id": 7, "image": "\(one)", "question": "is there an effusion?"}

      {"image_path": "\(two)", "problem": "is the heart enlarged?"}
      [1]
      {"image": "\(one)", "question": "is the heart enlarged?"}
      {"image": "nowhere.png", "question": "yes?"}
      {"image": "\(two)", "question": " "}
      {"question": "yes?"}
      {"image": "\(two)", "question": true}
      broken
      {"id": "last", "image": "\(one)", "question": "\(String(repeating: "effusion ", count: 30))"}
      """
    let file = try QuestionsFile(Data(text.utf8), source: "lines", imageRoot: tiny.file("images"))
    #expect(file.lines.map(\.number) == [1, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    for groupSize in [1, 4, 20] {
      var outcomes: [QuestionOutcome] = []
      try session.answer(file.lines, groupSize: groupSize) { outcomes.append($0) }
      #expect(outcomes.map(\.line) == file.lines.map(\.number))
      let kinds = outcomes.map { outcome -> CarinaError.Kind? in
        if case .failure(let error) = outcome.result { error.kind } else { nil }
      }
      #expect(
        kinds == [
          nil, nil, .badData, nil, .missingInput, nil, .badData, .badData, .badData, .badData,
        ])
      for outcome in outcomes {
        guard let question = outcome.question, case .success(let timed) = outcome.result else { continue }
        #expect(try session.answer(question).answer == timed.answer)
      }
      #expect(outcomes[0].question?.id == 7)
    }
    #expect { try QuestionsFile(Data("\n \n".utf8), source: "lines", imageRoot: nil) } throws: {
      ($0 as? CarinaError)?.kind == .badData
    }
  }

  @Test(
    "several images, in every style: their order and number count, one shown twice is read once, answers stay alone")
  func severalImages() throws {
    for style in PromptStyle.allCases where style != .gemma3 {
      let tiny = try TinyJoinedModel(style: style, seed: 3)
      let session = try session(tiny) { ($0.temperature, $0.seed) = (1, 5) }
      let paths = try (1...3).map { try tiny.image($0) }
      func tokens(_ images: [Int], _ question: String = "is there an effusion?") throws -> [Int] {
        try session.answer(ImageQuestion(imagePaths: images.map { paths[$0] }, question: question)).answer.tokens
      }
      let lists = [[0], [0, 1], [1, 0], [0, 0], [0, 1, 2], [2, 1, 0, 1, 2, 0, 1, 2]]
      let alone = try lists.map { try tokens($0) }
      #expect(Set(alone).count == lists.count)
      #expect(try lists.map { try tokens($0) } == alone)
      #expect(
        try session.answer(ImageQuestion(imagePaths: Array(paths.prefix(2)), question: "no?")).answer.promptRows
          == 8 + session.prompt("no?", images: 2).count)
      // Marks are as many as images, or none; they are no text.
      #expect(try tokens([0, 1], "<image>\n<image> is there an effusion?") == alone[1])
      for (images, question) in [
        ([0, 1], "<image> no?"), ([0], "<image><image> no?"), ([0, 1], "<image><image><image>"),
      ] {
        let error = thrownCarinaError { try tokens(images, question) }
        #expect(error?.kind == .badData && error?.what.contains("<image>") == true, "\(question)")
      }
      #expect(thrownCarinaError { try tokens(Array(repeating: 0, count: 9)) }?.kind == .usage)
      var images = QuestionImages()
      let transform = session.answering.transform
      #expect(try images.indices(of: [paths[1], paths[0], paths[1]], transform) == [0, 1, 0])
      #expect(throws: CarinaError.self) { try images.indices(of: [paths[2], "nowhere.png"], transform) }
      #expect(try images.indices(of: [paths[2], paths[0]], transform) == [2, 1] && images.pixels.count == 3)
    }
  }

  @Test("a conversation about several images keeps them in its first turn; later turns have no marks")
  func conversationAboutSeveral() throws {
    let tiny = try TinyJoinedModel(seed: 3), session = try session(tiny)
    let turns = [ConversationTurn(question: "<image><image> is there an effusion?", answer: "yes")]
    let prompt = try session.prompt("no?", after: turns, images: 2)
    let plain = try session.prompt(
      "no?", after: [ConversationTurn(question: "is there an effusion?", answer: "yes")], images: 2)
    #expect(prompt == plain && prompt.imageCount == 2)
    let error = thrownCarinaError { try session.prompt("<image> no?", after: turns, images: 2) }
    #expect(error?.kind == .badData && error?.what.contains("first question") == true)
  }

  @Test("an empty question is one, in every style, with the ids that an evaluation gives it")
  func emptyQuestion() throws {
    for style in [PromptStyle.gemma, .plain, .seed] {
      let session = try session(TinyJoinedModel(style: style))
      let asked = try session.prompt(""), evaluated = try session.answering.renderer.generation(question: "")
      #expect(asked.tokensBeforeImage == evaluated.tokensBeforeImage)
      #expect(asked.tokensAfterImage == evaluated.tokensAfterImage)
    }
  }

  @Test("a JSON list of questions is read entry by entry, as JSON Lines are line by line")
  func list() throws {
    let text = #" [{"image": "a.png", "problem": "Side?"}, 7, {"image_path": "/b.png", "id": 3}]"#
    let file = try QuestionsFile(Data(text.utf8), source: "list", imageRoot: "root")
    #expect(file.lines.map(\.number) == [1, 2, 3])
    #expect(try file.lines[0].question.get() == ImageQuestion(imagePath: "root/a.png", question: "Side?"))
    #expect(thrownCarinaError { try file.lines[1].question.get() }?.location == "list, entry 2")
    #expect(try file.lines[2].question.get() == ImageQuestion(id: 3, imagePath: "/b.png", question: ""))
    let lists = try QuestionsFile(
      Data(
        #"""
        {"image": ["a", "/b", "a"], "question": "q"}
        {"image": [], "question": "q"}
        {"image": ["a", null], "question": "q"}
        {"image_path": ["a", ""], "question": "q"}
        {"image": ["1", "2", "3", "4", "5", "6", "7", "8", "9"], "question": "q"}
        """#.utf8), source: "lists", imageRoot: "root")
    #expect(
      try lists.lines[0].question.get() == ImageQuestion(imagePaths: ["root/a", "/b", "root/a"], question: "q"))
    for (line, reason) in zip(lists.lines.dropFirst(), ["names 0", "[1]\" is no text", "is empty", "names 9"]) {
      let error = thrownCarinaError { try line.question.get() }
      #expect(
        error?.kind == .badData && error?.what.contains(reason) == true, "\(reason): \(String(describing: error))")
    }
    for wrong in ["[]", "[{", "[1] 2"] {
      #expect(
        thrownCarinaError { try QuestionsFile(Data(wrong.utf8), source: "list", imageRoot: nil) }?.kind == .badData)
    }
  }

  @Test("questions that cannot be asked are refused with what to do")
  func refusals() throws {
    let tiny = try TinyJoinedModel(maximumPositions: 60)
    let session = try session(tiny)
    func error(_ body: () throws -> Void) -> CarinaError? {
      do { try body() } catch { return error as? CarinaError }
      return nil
    }
    #expect(error { _ = try session.prompt(String(repeating: "z", count: 25)) }?.description.contains("24") == true)
    let turns = [ConversationTurn](
      repeating: ConversationTurn(question: "is there an effusion?", answer: "yes"), count: 6)
    #expect(error { _ = try session.prompt("no?", after: turns) }?.description.contains("60 positions") == true)

    let plain = try self.session(TinyJoinedModel(style: .plain))
    #expect(error { _ = try plain.prompt("no?", after: [turns[0]]) }?.kind == .usage)
    #expect(error { _ = try self.session(tiny) { $0.beamCount = 0 } }?.kind == .usage)
  }
}
