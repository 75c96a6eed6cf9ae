import TestSupport
import Testing

import Carina

/// Gemma 3 decoders against transformers. A tolerance is a part of the golden tensor's largest magnitude.
@Suite("Decoder parity") struct DecoderParityTests {
  /// Window shorter and longer than the sequences, grouped and full key-value heads, odd widths, and all dialects of config.json.
  static let cases = ["gemma-window-short", "gemma-window-long", "gemma-1b-style", "gemma-middle-dialect"]

  @Test("every layer's states, the last norm's and the logits, alone and packed", arguments: cases)
  func states(name: String) throws {
    let golden = try ParityGolden("model/\(name)")
    let decoder = try ParityModels.decoder(golden.path)
    let ids = try golden.sequences().map(\.tokens)
    for group in ids.indices.map({ [$0] }) + [Array(ids.indices)] {
      let lengths = group.map { ids[$0].count }
      var hidden: [Int: Tensor] = [:]
      let states = decoder.hiddenStates(
        decoder.embed(group.flatMap { ids[$0] }, tape: nil), lengths: lengths, tape: nil
      ) { hidden[$0] = $1 }
      let logits = decoder.logits(states)
      #expect(hidden.count == decoder.config.layerCount + 1)
      var first = 0
      for (sample, length) in zip(group, lengths) {
        let rows = first..<first + length
        for (layer, state) in hidden {
          expectClose(
            state.rowSlice(rows), try golden.tensor("sample.\(sample).hidden.\(layer)"), relative: 1e-5,
            "layer \(layer)")
        }
        expectClose(states.rowSlice(rows), try golden.tensor("sample.\(sample).final"), relative: 1e-5, "final")
        expectClose(logits.rowSlice(rows), try golden.tensor("sample.\(sample).logits"), relative: 1e-5, "logits")
        first += length
      }
    }
  }

  @Test("only the rows that are read, and the same ones", arguments: cases)
  func readRows(name: String) throws {
    let golden = try ParityGolden("model/\(name)")
    let decoder = try ParityModels.decoder(golden.path)
    let ids = try golden.sequences().map(\.tokens), counts = ids.indices.map { $0 + 1 }
    let states = decoder.hiddenStates(
      decoder.embed(ids.flatMap { $0 }, tape: nil), lengths: ids.map(\.count), readCounts: counts, tape: nil)
    var first = 0
    for (sample, count) in counts.enumerated() {
      let expected = try golden.tensor("sample.\(sample).final")
      expectClose(
        states.rowSlice(first..<first + count), expected.rowSlice(expected.rows - count..<expected.rows), relative: 1e-5
      )
      first += count
    }
    #expect(states.rows == first)
  }

  @Test("loss and every gradient, with and without checkpointing", arguments: cases, [false, true])
  func gradients(name: String, isCheckpointed: Bool) throws {
    let golden = try ParityGolden("model/\(name)")
    let decoder = try ParityModels.decoder(golden.path)
    decoder.parameters.train()
    let sequences = try golden.sequences()
    let count = sequences.reduce(0) { $0 + $1.supervisedCount }
    #expect(count == golden.facts["supervised_tokens"]?.int)
    let tape = Tape()
    let ids = sequences.map { Array($0.tokens.dropLast()) }
    let result = decoder.supervisedLoss(
      decoder.embed(ids.flatMap { $0 }, tape: tape), lengths: ids.map(\.count), sequences: sequences,
      scale: 1 / Float(count), isCheckpointed: isCheckpointed, tape: tape)
    expectClose(result.loss, [try golden.number("loss")], relative: 2e-6)
    #expect(result.tokenLosses.count == count)
    tape.backward(from: result.loss)
    try expectParity(decoder.parameters, golden, relative: 1e-4)
  }

  @Test("one sequence at a time adds up to the same loss and gradients", arguments: cases)
  func accumulation(name: String) throws {
    let golden = try ParityGolden("model/\(name)")
    let decoder = try ParityModels.decoder(golden.path)
    decoder.parameters.train()
    let sequences = try golden.sequences()
    let scale = 1 / Float(sequences.reduce(0) { $0 + $1.supervisedCount })
    var loss = 0.0
    for sequence in sequences {
      let tape = Tape()
      let result = decoder.textLoss([sequence], scale: scale, tape: tape)
      tape.backward(from: result.loss)
      loss += Double(result.loss.values[0])
    }
    expectClose([loss], [try golden.number("loss")], relative: 2e-6)
    try expectParity(decoder.parameters, golden, relative: 1e-4)
  }

  @Test("greedy text is equal, with the key-value cache and without", arguments: cases)
  func greedy(name: String) throws {
    let golden = try ParityGolden("model/\(name)")
    let decoder = try ParityModels.decoder(golden.path)
    for (prompt, tokens) in try golden.continuations() {
      #expect(GreedyText.cached(decoder, prompt.tokens, count: tokens.count) == tokens)
      #expect(GreedyText.uncached(decoder, prompt.tokens, count: tokens.count) == tokens)
    }
  }

  @Test("two shards give the model of one file, bit for bit")
  func shards() throws {
    let whole = try ParityModels.decoder(ParityGolden.path("model/gemma-window-short"))
    let sharded = try ParityModels.decoder(ParityGolden.path("model/gemma-sharded"))
    #expect(whole.config == sharded.config)
    for (a, b) in zip(whole.parameters, sharded.parameters) { expectSameBits(a.value, b.value, a.name) }
  }

  @Test("two-byte weights, computed in fp32", arguments: ["gemma-bf16", "gemma-f16"])
  func twoBytes(name: String) throws {
    let golden = try ParityGolden("model/\(name)")
    let decoder = try ParityModels.decoder(golden.path)
    let sequence = try golden.sequences()[0]
    let states = decoder.hiddenStates(
      decoder.embed(sequence.tokens, tape: nil), lengths: [sequence.tokens.count], tape: nil)
    expectClose(states, try golden.tensor("sample.0.final"), relative: 1e-5)
    expectClose(decoder.logits(states), try golden.tensor("sample.0.logits"), relative: 1e-5)
    let count = Float(sequence.supervisedCount)
    expectClose(
      decoder.textLoss([sequence], scale: 1 / count, tape: nil).loss, [try golden.number("loss")], relative: 2e-6)
  }

  @Test("bfloat16 products stay within the width of their rounding")
  func bfloat16() throws {
    let golden = try ParityGolden("model/gemma-bf16")
    let decoder = try ParityModels.decoder(golden.path, precision: .bfloat16)
    let sequence = try golden.sequences()[0]
    let states = decoder.hiddenStates(
      decoder.embed(sequence.tokens, tape: nil), lengths: [sequence.tokens.count], tape: nil)
    let off = expectClose(decoder.logits(states), try golden.tensor("sample.0.logits"), relative: 5e-2)
    #expect(off > 1e-6, "these products were not in bfloat16")
  }
}
