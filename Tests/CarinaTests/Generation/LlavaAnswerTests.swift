import Foundation
import TestSupport
import Testing

import Carina

/// A `LlavaForConditionalGeneration` as a checkpoint (Tests/Reference/make_llava_goldens.py): all patches with a tied
/// head, and all but the first with a head of its own beside a pooling head.
@Suite("LLaVA answers") struct LlavaAnswerTests {
  private static let cases = ["full", "first-patch"]

  private func load(_ name: String) throws -> (AnsweringModel, facts: JSONValue, path: String) {
    let path = try LlavaFiles.golden(name).path
    let answering = try AnsweringModel.load(checkpoint: path, precision: .float32, on: Device(TestBackend.chosen))
    return (answering, try JSONValue.parseFile(path + "/answers.json"), path)
  }

  @Test("pixels, ids of the prompt and logits are transformers'", arguments: cases)
  func logits(name: String) throws {
    let (answering, facts, path) = try load(name), model = answering.model
    #expect(model.feature == .preNorm && model.imageAttention == .causal && model.projector.config.form == .mlp2x)
    #expect(model.dropsFirstPatch == (name == "first-patch") && model.rowsPerImage == facts["rows"]?.int)
    #expect(model.decoder.config.hasOwnHead == (name == "first-patch"))
    #expect(answering.unknownKeys == [] && answering.renderer.style == .gemma)
    let golden = try SafetensorsFile(path: path + "/golden.safetensors"),
      image = try #require(facts["image_token"]?.int)
    let numbers = try answering.transform.normalized(answering.transform.pixels(ofFileAt: path + "/image.png"))
    let pixels = Tensor(numbers, shape: [1, numbers.count], on: TestBackend.chosen)
    expectClose(pixels.values, try golden.tensor(named: "pixel_values").values, relative: 1e-6)
    let answers = try #require(facts["answers"]?.array)
    for (index, fact) in answers.enumerated() {
      let prompt = try answering.renderer.generation(question: #require(fact["question"]?.string))
      let sequence = ImageTextSequence(prompt, image: 0)
      let ids =
        sequence.tokensBefore + [Int](repeating: image, count: model.rowsPerImage) + sequence.tokensAfter
      #expect(ids == fact["prompt"]?.integers)
      guard let expected = try? golden.tensor(named: "logits.\(index)") else { continue }
      let (x, lengths) = model.embed([sequence], imageRows: model.imageRows(pixels), tape: nil)
      let logits = model.decoder.logits(
        model.decoder.hiddenStates(x, lengths: lengths, mutualRuns: model.mutualRuns(of: [sequence]), tape: nil))
      expectClose(logits, expected, relative: 1e-5, "logits \(index)")
    }
    #expect(golden.entries.count { $0.name.hasPrefix("logits.") } == 2)
  }

  @Test("greedy answers about an image file are transformers'", arguments: cases)
  func greedy(name: String) throws {
    let (answering, facts, path) = try load(name)
    let answers = try #require(facts["answers"]?.array)
    #expect(answers.count == 12)
    var options = GenerationOptions()
    options.maximumNewTokens = 10
    let session = try AnswerSession(answering, options: options)
    for fact in answers {
      let question = ImageQuestion(
        imagePaths: [path + "/image.png"], question: try #require(fact["question"]?.string))
      let answer = try session.answer(question).answer
      #expect(answer.tokens == fact["ids"]?.integers, "\(fact)")
      #expect(sameBytes(answer.text, try #require(fact["text"]?.string)))
    }
  }
}
