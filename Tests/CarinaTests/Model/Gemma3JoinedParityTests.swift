import Foundation
import TestSupport
import Testing

import Carina

/// Joined Gemma 3 checkpoints against transformers (Tests/Reference/make_gemma3_goldens.py): the pooled projector, and
/// images whose rows see each other both ways.
@Suite("Joined Gemma 3 parity") struct Gemma3JoinedParityTests {
  /// Grouped heads with one image, none and two; a window shorter than an image; an own head and three images; pooling
  /// of 4 × 4 patches; scores scaled as in the 27B; an own head over grouped heads.
  private static let cases = ["grouped", "window-short", "untied", "pool-4", "scaled", "own-head"]

  private func golden(_ name: String) throws -> ParityGolden { try ParityGolden("gemma3/\(name)") }

  private func model(_ golden: ParityGolden, _ attention: ImageAttention = .mutual) throws -> VisionLanguageModel {
    let directory = ModelDirectory(path: golden.path)
    return try VisionLanguageModel(
      vision: directory.loadVisionEncoder(precision: .float32).model,
      projector: directory.loadProjector(precision: .float32).model,
      decoder: directory.loadDecoder(precision: .float32).model, imageAttention: attention)
  }

  private func imageRows(_ model: VisionLanguageModel, _ golden: ParityGolden, tape: Tape?) throws -> Tensor {
    let pixels = try golden.tensor("pixel_values")
    return model.projector(model.features(pixels, count: pixels.shape[0], tape: tape), tape: tape)
  }

  private func sequences(_ golden: ParityGolden, _ key: String) throws -> [(
    sequence: ImageTextSequence, fact: JSONValue
  )] {
    try #require(golden.facts[key]?.array).map { fact in
      let segments = try #require(fact["segments"]?.array).map(\.integers)
      let images = try #require(fact["images"]).integers
      let sequence = ImageTextSequence(
        tokensBefore: images.isEmpty ? [] : segments[0], images: images,
        tokensBetween: Array(segments.dropFirst().dropLast()), tokensAfter: try #require(segments.last),
        supervised: fact["supervised"].map { supervised in
          let flags = supervised.integers.map { $0 == 1 }
          return [Bool](repeating: false, count: (segments.last?.count ?? 0) - flags.count) + flags
        })
      return (sequence, fact)
    }
  }

  @Test("projected rows, every layer's states and the logits are transformers'", arguments: cases)
  func states(name: String) throws {
    let golden = try golden(name), model = try model(golden)
    let rows = try imageRows(model, golden, tape: nil)
    expectClose(rows.reshaped(try golden.tensor("projected").shape), try golden.tensor("projected"), relative: 1e-5)
    let sequences = try sequences(golden, "samples").map(\.sequence)
    for group in sequences.indices.map({ [$0] }) + [Array(sequences.indices)] {
      let chosen = group.map { sequences[$0] }
      let (x, lengths) = model.embed(chosen, imageRows: rows, tape: nil)
      #expect(lengths == chosen.map { $0.length(imageRows: model.rowsPerImage) })
      var hidden: [Int: Tensor] = [:]
      let states = model.decoder.hiddenStates(x, lengths: lengths, mutualRuns: model.mutualRuns(of: chosen), tape: nil)
      {
        hidden[$0] = $1
      }
      let logits = model.decoder.logits(states)
      var first = 0
      for (sample, length) in zip(group, lengths) {
        let range = first..<first + length
        for (layer, state) in hidden {
          expectClose(
            state.rowSlice(range), try golden.tensor("sample.\(sample).hidden.\(layer)"), relative: 1e-5,
            "sample \(sample), layer \(layer)")
        }
        expectClose(logits.rowSlice(range), try golden.tensor("sample.\(sample).logits"), relative: 1e-5, "logits")
        first += length
      }
    }
  }

  @Test("causal images give other states: the goldens tell one attention from the other", arguments: cases)
  func causal(name: String) throws {
    let golden = try golden(name), model = try model(golden, .causal)
    let rows = try imageRows(model, golden, tape: nil), sequence = try sequences(golden, "samples")[0].sequence
    #expect(model.mutualRuns(of: [sequence]) == nil)
    let (x, lengths) = model.embed([sequence], imageRows: rows, tape: nil)
    let logits = model.decoder.logits(model.decoder.hiddenStates(x, lengths: lengths, tape: nil))
    let expected = try golden.tensor("sample.0.logits")
    #expect(zip(logits.values, expected.values).contains { abs($0 - $1) > 1e-2 })
  }

  @Test("loss and every gradient of all three parts, with and without checkpointing", arguments: cases, [false, true])
  func gradients(name: String, isCheckpointed: Bool) throws {
    let golden = try golden(name), model = try model(golden)
    let parts = [
      ("vision_tower.", model.vision.parameters), ("multi_modal_projector.", model.projector.parameters),
      ("language_model.", model.decoder.parameters),
    ]
    for part in parts { part.1.train() }
    let sequences = try sequences(golden, "samples").map(\.sequence)
    let count = sequences.reduce(0) { $0 + $1.supervisedCount }
    #expect(count == golden.facts["supervised_tokens"]?.int)
    let tape = Tape(), pixels = try golden.tensor("pixel_values")
    let features = model.features(pixels, count: pixels.shape[0], isCheckpointed: isCheckpointed, tape: tape)
    let result = model.loss(
      sequences, imageRows: model.projector(features, tape: tape), scale: 1 / Float(count),
      isCheckpointed: isCheckpointed, tape: tape)
    expectClose(result.loss, [try golden.number("loss")], relative: 2e-6)
    tape.backward(from: result.loss)
    var names: [ObjectIdentifier: String] = [:]
    for (prefix, parameters) in parts {
      for parameter in parameters {
        // transformers 5 names the tower without `vision_model.`.
        names[ObjectIdentifier(parameter)] =
          prefix + parameter.name.replacingOccurrences(of: "vision_model.", with: "")
      }
    }
    try expectParity(parts.flatMap { $0.1 }, golden, relative: 1e-4) { names[ObjectIdentifier($0)] ?? $0.name }
  }

  @Test(
    "greedy answers are transformers', one prompt at a time and side by side, and without the cache", arguments: cases)
  func greedy(name: String) throws {
    let golden = try golden(name), model = try model(golden)
    let rows = try imageRows(model, golden, tape: nil)
    let prompts = try sequences(golden, "generate")
    let tokens = try prompts.map { try #require($0.fact["tokens"]).integers }
    #expect(prompts.count == 17)
    var options = GenerationOptions()
    options.maximumNewTokens = tokens[0].count
    let generator = Generator(model: model, stopTokens: [], options: options)
    #expect(try generator.answers(prompts.map(\.sequence), imageRows: rows) == tokens)
    for (prompt, expected) in zip(prompts, tokens) {
      #expect(try generator.answers([prompt.sequence], imageRows: rows) == [expected])
      var grown: [Int] = []
      for _ in expected {
        let sequence = ImageTextSequence(
          tokensBefore: prompt.sequence.tokensBefore, images: prompt.sequence.images,
          tokensBetween: prompt.sequence.tokensBetween, tokensAfter: prompt.sequence.tokensAfter + grown)
        let (x, lengths) = model.embed([sequence], imageRows: rows, tape: nil)
        let state = model.decoder.hiddenStates(
          x, lengths: lengths, readCounts: [1], mutualRuns: model.mutualRuns(of: [sequence]), tape: nil)
        let logits = model.decoder.logits(state).values
        grown.append(try #require(logits.indices.max { logits[$0] < logits[$1] }))
      }
      #expect(grown == expected)
    }
  }

  @Test("a prompt read in two passes over the cache gives the states of one pass")
  func split() throws {
    for name in Gemma3JoinedParityTests.cases {
      let golden = try golden(name), model = try model(golden)
      let rows = try imageRows(model, golden, tape: nil), sequence = try sequences(golden, "samples")[0].sequence
      let (x, lengths) = model.embed([sequence], imageRows: rows, tape: nil)
      let runs = sequence.imageRuns(imageRows: model.rowsPerImage)
      let whole = model.decoder.hiddenStates(x, lengths: lengths, mutualRuns: [runs], tape: nil)
      // The cut lies before the first image, which is then read over a cache in use.
      let cut = sequence.tokensBefore.count - 1
      let cache = KeyValueCache(
        model.decoder.config, sequenceCount: 1, capacity: lengths[0], on: model.backend)
      let first = model.decoder.hiddenStates(x.rowSlice(0..<cut), lengths: [cut], cache: cache, tape: nil)
      let second = model.decoder.hiddenStates(
        x.rowSlice(cut..<lengths[0]), lengths: [lengths[0] - cut],
        mutualRuns: [runs.map { $0.lowerBound - cut..<$0.upperBound - cut }], cache: cache, tape: nil)
      expectClose(first, whole.rowSlice(0..<cut), relative: 1e-5, name)
      expectClose(second, whole.rowSlice(cut..<lengths[0]), relative: 1e-5, name)
    }
  }

  @Test("a projector of this form is written under Gemma 3's names and read again")
  func projectorFiles() throws {
    let golden = try golden("grouped"), model = try model(golden)
    let directory = try TemporaryDirectory()
    try ModelDirectoryWriter.write(model.projector, to: directory.file("projector"), type: .float32)
    let written = try WeightsDirectory(path: directory.file("projector"))
    #expect(written.names.sorted() == ["mm_input_projection_weight", "mm_soft_emb_norm.weight"])
    #expect(try written.tensor(named: "mm_input_projection_weight").shape == [12, 16])
    let again = try ModelDirectory.projector(directory.file("projector")).loadProjector(precision: .float32).model
    #expect(again.config == model.projector.config && again.config.pooling?.tokenCount == 4)
    for (a, b) in zip(again.parameters, model.projector.parameters) { expectSameBits(a.value, b.value, a.name) }
  }

  @Test("rows that do not divide the grid, and a tower of another grid, are refused by name")
  func refused() throws {
    let golden = try golden("grouped"), model = try model(golden)
    let uneven = thrownCarinaError {
      try ProjectorConfig(
        joined: ["mm_tokens_per_image": 9], vision: model.vision.config, decoder: model.decoder.config,
        source: "config.json")
    }
    #expect(uneven?.kind == .badData && uneven?.what.contains("mm_tokens_per_image") == true && uneven?.found == "9")
    let other = Projector(
      ProjectorConfig(inputSize: 12, outputSize: 16, pooling: PatchPooling(gridSize: 6, tokensPerSide: 2)),
      from: RandomParameterSource(seed: 1))
    let grid = thrownCarinaError {
      try VisionLanguageModel(vision: model.vision, projector: other, decoder: model.decoder)
    }
    #expect(grid?.kind == .badData && grid?.expected == "6 patches along a side" && grid?.found == "4")
  }
}
