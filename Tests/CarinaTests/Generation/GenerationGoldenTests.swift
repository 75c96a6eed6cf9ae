import Testing

import Carina

/// Answers compared with those of transformers' `generate` (Tests/Reference/make_generation_goldens.py).
@Suite("Generation goldens") struct GenerationGoldenTests {
  private struct Case {
    let prompt: ImageTextSequence
    let options: GenerationOptions
    let stopTokens: Set<Int>
    let expected: GeneratedAnswer

    init(_ fact: JSONValue) throws {
      prompt = try ImageTextSequence(golden: fact, ids: #require(fact["prompt"]).integers)
      stopTokens = Set(try #require(fact["stop"]).integers)
      var options = GenerationOptions()
      options.maximumNewTokens = try #require(fact["max_new_tokens"]?.int)
      options.beamCount = try #require(fact["num_beams"]?.int)
      options.lengthPenalty = try #require(fact["length_penalty"]?.double)
      options.repetitionPenalty = try #require(fact["repetition_penalty"]?.double)
      self.options = options
      let reachedEnd: Bool? = fact["reached_end"]?.bool
      expected = GeneratedAnswer(
        tokens: try #require(fact["tokens"]).integers, reachedEnd: try #require(reachedEnd as Bool?))
    }
  }

  private func cases(of model: String) throws -> [Case] {
    let facts = try #require(JSONValue.parseFile(ParityGolden.path("generation/answers.json")).array)
    let cases = try facts.filter { $0["model"]?.string == model }.map(Case.init)
    #expect(cases.contains { $0.expected.reachedEnd } && cases.contains { !$0.expected.reachedEnd })
    return cases
  }

  @Test(
    "greedy and beam answers, with penalties and several stop tokens, are those of transformers",
    arguments: ["gemma-window-short", "gemma-1b-style", "joined-bare-tower"])
  func answers(name: String) throws {
    let (model, rows) = try GenerationModels.load(name)
    for (index, example) in try cases(of: name).enumerated() {
      let generator = Generator(model: model, stopTokens: example.stopTokens, options: example.options)
      var told: [Int] = []
      let result = try generator.generate([example.prompt], imageRows: rows) { _, token in told.append(token) }
      #expect(result.answers == [example.expected], "case \(index): \(example.options)")
      #expect(told == example.expected.tokens)
    }
  }

  @Test("an answer does not depend on those made beside it", arguments: ["gemma-window-short", "joined-bare-tower"])
  func neighbours(name: String) throws {
    let (model, rows) = try GenerationModels.load(name)
    let prompts = try cases(of: name).map(\.prompt)
    var sampled = GenerationOptions(), beams = GenerationOptions(), greedy = GenerationOptions()
    (sampled.temperature, sampled.topK, sampled.seed) = (1.3, 20, 9)
    (beams.beamCount, greedy.repetitionPenalty) = (3, 1.2)
    for var options in [sampled, beams, greedy] {
      options.maximumNewTokens = 12
      let generator = Generator(model: model, stopTokens: [4, 17, 30], options: options)
      let together = try generator.generate(Array(prompts.prefix(40)), imageRows: rows).answers
      for (prompt, answer) in zip(prompts, together) {
        #expect(try generator.generate([prompt], imageRows: rows).answers == [answer])
      }
    }
  }

  @Test("sampling repeats with its seed and changes with another")
  func seeds() throws {
    let (model, _) = try GenerationModels.load("gemma-1b-style")
    let prompt = try #require(cases(of: "gemma-1b-style").first).prompt
    func answer(seed: UInt64) throws -> [[Int]] {
      var options = GenerationOptions()
      (options.temperature, options.seed, options.maximumNewTokens) = (1.5, seed, 16)
      return try Generator(model: model, stopTokens: [], options: options).answers([prompt], imageRows: nil)
    }
    #expect(try answer(seed: 1) == answer(seed: 1))
    let answers = try (0..<8).map { try answer(seed: $0) }
    #expect(Set(answers).count == 8)
  }

  @Test("no prompts give no answers; what the receiver of tokens throws ends the generation")
  func edges() throws {
    struct Enough: Error {}
    let (model, _) = try GenerationModels.load("gemma-1b-style")
    let generator = Generator(model: model, stopTokens: [], options: GenerationOptions())
    #expect(try generator.generate([], imageRows: nil).answers.isEmpty)
    let prompt = try #require(cases(of: "gemma-1b-style").first).prompt
    var told = 0
    #expect(throws: Enough.self) {
      try generator.generate([prompt], imageRows: nil) { _, _ in
        told += 1
        if told == 3 { throw Enough() }
      }
    }
    #expect(told == 3)
  }

  @Test("a model of damaged weights is reported instead of answering")
  func damaged() throws {
    // Fresh weights: those of a checkpoint are mapped from its file and cannot be written.
    let config = try ParityModels.decoder(ParityGolden.path("model/gemma-1b-style")).config
    let decoder = Decoder(config, from: RandomParameterSource(seed: 1))
    let last = try #require(decoder.parameters.last)
    last.assign(Tensor([Float](repeating: .nan, count: last.count), shape: last.shape))
    let model = try GenerationModels.around(decoder)
    let prompt = try #require(cases(of: "gemma-1b-style").first).prompt
    let generator = Generator(model: model, stopTokens: [], options: GenerationOptions())
    #expect { try generator.answers([prompt], imageRows: nil) } throws: { ($0 as? CarinaError)?.kind == .badData }
  }
}

/// Models of Goldens/model, joined ones with their projected images; a decoder alone gets a vision part that is not used.
enum GenerationModels {
  static func load(_ name: String) throws -> (model: VisionLanguageModel, imageRows: Tensor?) {
    if name.hasPrefix("joined") {
      let golden = try ParityGolden("model/\(name)")
      return (try ParityModels.joined(golden), try golden.tensor("projected"))
    }
    return (try around(ParityModels.decoder(ParityGolden.path("model/\(name)"))), nil)
  }

  static func around(_ decoder: Decoder) throws -> VisionLanguageModel {
    let vision = try ParityModels.vision(ParityGolden.path("model/joined-bare-tower/vision"))
    let config = ProjectorConfig(
      inputSize: vision.config.hiddenSize, hiddenSize: 2, outputSize: decoder.config.hiddenSize)
    let projector = Projector(config, from: RandomParameterSource(seed: 1))
    return try VisionLanguageModel(vision: vision, projector: projector, decoder: decoder)
  }
}
