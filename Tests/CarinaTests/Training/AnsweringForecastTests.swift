import TestSupport
import Testing

import Carina

@Suite("Forecast of memory for answering") struct AnsweringForecastTests {
  private typealias Answers = MemoryForecast.Answers

  private let vision = VisionConfig(
    imageSize: 64, patchSize: 8, hiddenSize: 32, intermediateSize: 64, layerCount: 2, headCount: 2)

  private func decoder(vocabulary: Int = 500, layers: Int = 8) -> DecoderConfig {
    DecoderConfig(
      vocabularySize: vocabulary, hiddenSize: 48, intermediateSize: 96, headCount: 4, keyValueHeadCount: 1,
      headSize: 12,
      layerIsLocal: (0..<layers).map { $0 % 2 == 0 }, window: 16, localRotaryBase: 10_000, globalRotaryBase: 1_000_000,
      attentionScale: 0.3, maximumPositions: 1024, endTokens: [1], padToken: 0, beginToken: 2)
  }

  private func asked(_ count: Int, rows: Int = 100, supervised: Int = 0) -> [Answers.Asked] {
    (0..<count).map { Answers.Asked(rows: rows + $0, supervised: supervised, images: [($0 + 1) / 2]) }
  }

  /// Weights of 1 MiB in each part, of which three quarters are matrices of blocks.
  private func plan(
    _ answers: MemoryForecast.Answers, precision: ElementType = .bfloat16, vocabulary: Int = 500
  ) -> MemoryForecast.AnsweringPlan {
    var weights = WeightsFootprint()
    (weights.mapped, weights.returnable, weights.returnableBlocks) = (1 << 20, 1 << 20, 3 << 18)
    var model = MemoryForecast.Plan(
      vision: vision, projector: ProjectorConfig(inputSize: 32, hiddenSize: 64, outputSize: 48),
      decoder: decoder(vocabulary: vocabulary), footprints: (weights, weights, weights),
      policy: FreezingPolicy(trainsProjector: false, trainsDecoder: false), precision: precision,
      batch: MemoryForecast.Batch(
        images: answers.images, rows: answers.rows, supervised: answers.supervised, imagesOfStep: answers.images),
      rowsPerImage: 64, keepsFeatures: false, packsFactors: true)
    model.sizes = answers.sizes
    return MemoryForecast.AnsweringPlan(model: model, answers: answers)
  }

  @Test("the factors of columns count once for matrices that read the same rows, as the model holds them")
  func columnFactors() throws {
    let backend = CPUBackend(), source = RandomParameterSource(seed: 1, precision: .bfloat16, on: backend)
    let decoder = Decoder(decoder(), from: source), vision = VisionEncoder(vision, from: source)
    decoder.multiplyInBytes()
    vision.multiplyInBytes()
    for (matrices, table, packed) in [
      (decoder.matricesByInput, TensorTable(of: decoder.config), false),
      (vision.matricesByInput, TensorTable(of: vision.config), true),
    ] {
      var bytes = 0, factors: [ObjectIdentifier: Int] = [:]
      for matrix in matrices.joined() {
        let quantized = try #require(matrix.quantized), columns = try #require(quantized.columnFactors)
        bytes += quantized.storage.byteCount
        factors[ObjectIdentifier(columns.storage)] = 4 * columns.count
      }
      #expect(matrices.allSatisfy { !$0.isEmpty } && factors.count == matrices.count)
      let forecast = MemoryForecast.roundedByteCount(table.matricesByInput, packed: packed)
      #expect(forecast == bytes + factors.values.reduce(0, +))
    }
  }

  @Test("batches are counted as they are asked: images once, prompts one by one with beams, likelihoods with answers")
  func batches() {
    let plain = Answers(asked(5), batchSize: 2, newTokens: 7)
    #expect(plain.images == 2 && plain.rows == 102 + 103 && plain.supervised == 0 && plain.sequences == 2)
    #expect(plain.longest == 104 && plain.newTokens == 7 && plain.passes == 3)
    #expect(plain.sizes.others.all == [201, 205, 104] && plain.sizes.others.supervised == [1, 2])
    #expect(plain.sizes.imagesRead == 2 + 2 + 1)
    let beams = Answers(asked(5), batchSize: 2, newTokens: 7, beams: 3)
    #expect(beams.rows == 104 && beams.sequences == 3 && beams.passes == 5 && beams.images == 2)
    let likely = Answers(asked(4, supervised: 10), batchSize: 2, newTokens: 7, arms: 3)
    #expect(likely.rows == 205 && likely.supervised == 20 && likely.passes == 3 * 4)
    #expect(likely.sizes.others.all == [201, 181, 205, 185])
    // Tokens of more sequences than are few are products of the library's, fewer and fewer rows as answers end.
    let many = Answers(asked(9), batchSize: 9, newTokens: 7)
    #expect(many.sizes.others.all.isSuperset(of: FewRowsProduct.mostRows + 1...9) && many.passes == 1)
    #expect(Answers([], batchSize: 2, newTokens: 7).rows == 0)
  }

  @Test("one question packs nothing, several do: the vision encoder in place of its file, the decoder beside its own")
  func packing() {
    let one = MemoryForecast(plan(Answers(asked(1), batchSize: 8, newTokens: 4)), base: 5)
    #expect(one.weights == 3 << 20 && one.packedVision == 0 && one.packedDecoder == 0 && one.base == 5)
    let several = MemoryForecast(plan(Answers(asked(2), batchSize: 1, newTokens: 4)), base: 5)
    #expect(several.packedVision == 2 * 2 * (4 * 32 * 32 + 2 * 32 * 64) && several.packedDecoder > 0)
    #expect(several.weights == 3 << 20 + several.packedDecoder && several.packsFrozen)
    #expect(several.training == 0 && several.activations == 0 && several.keysAndValues > 0)
    #expect(several.summary.contains("keys and values") && !several.summary.contains("training"))
  }

  @Test("keys and values: a window's rows in local layers, every row in the others, and twice while sequences end")
  func cache() {
    func forecast(_ count: Int) -> MemoryForecast {
      MemoryForecast(plan(Answers(asked(count), batchSize: count, newTokens: 50)), base: 0)
    }
    // Four local layers of 16 rows, four global ones of the longest prompt and its answer; 12 numbers of 4 bytes, twice.
    #expect(forecast(1).keysAndValues == (4 * 16 + 4 * 150) * 12 * 4 * 2)
    #expect(forecast(4).keysAndValues == 4 * (4 * 16 + 4 * 153) * 12 * 4 * 2)
  }

  @Test("matrices in 8 bits take the place of the file's, the head beside them for a moment, or in a file for none")
  func eightBits() {
    var plan = plan(Answers(asked(1), batchSize: 1, newTokens: 4))
    let full = MemoryForecast(plan, base: 0)
    plan.model.roundsVision = true
    let vision = MemoryForecast(plan, base: 0)
    let table = TensorTable(of: self.vision).matricesByInput
    #expect(full.weights - vision.weights == 3 << 18 - MemoryForecast.roundedByteCount(table, packed: true))
    plan.roundsWeights = true
    (plan.head.mapped, plan.head.returnable) = (1 << 30, 1 << 18)
    let both = MemoryForecast(plan, base: 0)
    let blocks = TensorTable(of: decoder()).rows.filter { $0.shape.count > 1 && $0.name.contains(".layers.") }
    let rounded = (blocks.map(\.shape) + [[500, 48]]).reduce(0) { $0 + MemoryForecast.roundedByteCount($1) }
    #expect(vision.weights - both.weights == 3 << 18 + 1 << 18 - rounded && both.total > 1 << 30)
    plan.mapsRounded = true
    #expect(MemoryForecast(plan, base: 0).total < 1 << 28)
  }

  @Test("a large head is kept in 8 bits for greedy answers of some length, and not for others")
  func headCopy() {
    func forecast(_ newTokens: Int, picksLargest: Bool = true, vocabulary: Int = 1 << 20) -> MemoryForecast {
      var answers = Answers(asked(2), batchSize: 1, newTokens: newTokens)
      answers.picksLargest = picksLargest
      return MemoryForecast(plan(answers, vocabulary: vocabulary), base: 0)
    }
    let copy = MemoryForecast.roundedByteCount([1 << 20, 48])
    #expect(forecast(17).weights - forecast(16).weights == copy)
    #expect(forecast(17, picksLargest: false).weights == forecast(16).weights)
    #expect(forecast(17, vocabulary: 1000).weights == forecast(16, vocabulary: 1000).weights)
  }

  @Test("what does not fit is first asked without packed copies, then refused with what would help")
  func refusal() throws {
    let plan = plan(Answers(asked(8), batchSize: 2, newTokens: 400), precision: .bfloat16)
    let packed = MemoryForecast(plan, base: 1 << 20)
    func choose(_ available: Int?) throws -> MemoryForecast {
      try MemoryForecast.fitting(plan, base: 1 << 20, available: available)
    }
    #expect(try choose(nil) == packed && choose(packed.total - 1 << 20) == packed)
    let small = try choose(packed.total - 1 << 20 - 1)
    #expect(!small.packsFrozen && small.packedDecoder == 0 && small.total < packed.total)
    let error = #expect(throws: CarinaError.self) { try choose(small.total - 1 << 20 - 1) }
    #expect(error?.kind == .usage && error?.found == small.summary)
    for remedy in ["batch_size", "weights int8", "vision_weights int8", "max_new_tokens", "memory_limit"] {
      #expect(error?.remedy?.contains(remedy) == true, "\(remedy)")
    }
    #expect(error?.remedy?.contains("precision") == false)
  }

  @Test("a model is refused before its weights are read, and says what answering takes where it is opened")
  func opening() throws {
    let tiny = try TinyJoinedModel()
    var demand = AnswerDemand(
      [ImageQuestion(imagePath: try tiny.image(1), question: "is there an effusion?")], generation: GenerationOptions())
    let model = try AnsweringModel.load(
      checkpoint: tiny.path, precision: .float32, for: demand, on: .processor())
    let forecast = try #require(model.forecast)
    #expect(forecast.weights > 0 && forecast.keysAndValues > 0 && forecast.packedVision == 0)
    // Weights that do not fit the configuration are bad data as soon as they are read.
    let path = tiny.path + "/language_model/config.json"
    var config = try #require(JSONValue.parseFile(path).object)
    config["intermediate_size"] = 24
    try AtomicFile.write(JSONValue.object(config).serialized(), to: path)
    for (limit, kind) in [(nil, .badData), (0.001, .usage)] as [(Double?, CarinaError.Kind)] {
      demand.memoryLimit = limit
      let error = #expect(throws: CarinaError.self) {
        try AnsweringModel.load(checkpoint: tiny.path, precision: .float32, for: demand, on: .processor())
      }
      #expect(error?.kind == kind, "\(error.map { "\($0)" } ?? "")")
    }
  }

  @Test("shards, a file of questions and a conversation are counted by their own texts and images")
  func demands() throws {
    let tiny = try TinyEvaluation()
    let model = try AnsweringModel.load(checkpoint: tiny.checkpoint, precision: .float32)
    let shards = try ShardDirectory(tiny.shards), perImage = model.model.rowsPerImage
    var options = EvaluatorOptions(outputDirectory: tiny.directory.file("out"))
    (options.limit, options.batchSize, options.generation.maximumNewTokens) = (5, 2, 9)
    func answers(_ demand: AnswerDemand) throws -> Answers {
      try demand.answers(model.renderer, rowsPerImage: perImage)
    }
    let plain = try answers(AnswerDemand(options, shards: shards))
    let lengths = try (0..<5).map {
      try model.renderer.generation(question: shards.sample($0).question).count + perImage
    }
    #expect(plain.longest == lengths.max() && plain.newTokens == 9 && plain.sequences == 2 && plain.passes == 3)
    #expect(
      plain.rows == [lengths[0] + lengths[1], lengths[2] + lengths[3], lengths[4]].max() && plain.supervised == 0)
    options.withLikelihood = true
    options.arms = [.trueImage, .blank]
    let likely = try answers(AnswerDemand(options, shards: shards))
    #expect(likely.rows > plain.rows && likely.supervised > 0 && likely.passes == 2 * 6)
    let limited = try answers(AnswerDemand(options, shards: shards, maximumAnswerTokens: 1))
    #expect(limited.supervised < likely.supervised)
    let questions = [
      ImageQuestion(imagePath: "a.png", question: "is it?"),
      ImageQuestion(imagePath: "a.png", question: "is it <image>"),
      ImageQuestion(imagePaths: ["a.png", "b.png"], question: "is it?"),
      // What the model cannot be asked is refused later, by its line.
      ImageQuestion(imagePath: "c.png", question: String(repeating: "heart ", count: 100)),
    ]
    let asked = try answers(AnswerDemand(questions, groupSize: 4, generation: GenerationOptions()))
    let one = try model.renderer.generation(question: "is it?").count
    #expect(asked.images == 2 && asked.sequences == 3 && asked.longest == one + 2 * perImage && asked.passes == 1)
    let talk = try answers(AnswerDemand(conversationAbout: 2, generation: GenerationOptions()))
    #expect(talk.images == 2 && talk.longest == 64 + 2 * perImage && talk.passes == 2 && talk.newTokens == 128)
  }
}
