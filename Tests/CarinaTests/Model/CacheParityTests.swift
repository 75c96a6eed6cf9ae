import TestSupport
import Testing

import Carina

/// A pass over a key-value cache gives what a whole pass gives.
@Suite("Key-value cache parity") struct CacheParityTests {
  /// Windows 5, 64, 6 and 2; sequences are longer than the short ones.
  private func decoder(_ name: String) throws -> Decoder {
    try ParityModels.decoder(ParityGolden.path("model/\(name)"))
  }

  private func ids(_ count: Int, _ decoder: Decoder, seed: UInt64) -> [Int] {
    var generator = SeededGenerator(seed: seed, stream: "ids")
    return (0..<count).map { _ in generator.integer(below: decoder.config.vocabularySize) }
  }

  private func whole(_ decoder: Decoder, _ ids: [Int]) -> Tensor {
    decoder.hiddenStates(decoder.embed(ids, tape: nil), lengths: [ids.count], tape: nil)
  }

  @Test("wherever the text is cut, also around the window's edge", arguments: DecoderParityTests.cases)
  func everyCut(name: String) throws {
    let decoder = try decoder(name)
    let ids = ids(15, decoder, seed: 1)
    let expected = whole(decoder, ids)
    for first in 1..<ids.count {
      for chunk in [1, 2, 3, 7] {
        let cache = KeyValueCache(decoder.config, sequenceCount: 1, capacity: ids.count)
        var start = 0, length = first
        while start < ids.count {
          let rows = start..<min(ids.count, start + length)
          let states = decoder.hiddenStates(
            decoder.embed(Array(ids[rows]), tape: nil), lengths: [rows.count], cache: cache, tape: nil)
          expectClose(states, expected.rowSlice(rows), relative: 1e-5, "\(first) then \(chunk) at a time, rows \(rows)")
          (start, length) = (rows.upperBound, chunk)
        }
        #expect(cache.lengths == [ids.count])
      }
    }
  }

  @Test("several sequences of different lengths side by side", arguments: DecoderParityTests.cases)
  func sideBySide(name: String) throws {
    let decoder = try decoder(name)
    let texts = [(3, 1), (9, 2), (1, 3), (6, 4)].map { ids($0.0 + 8, decoder, seed: UInt64($0.1)) }
    let expected = texts.map { whole(decoder, $0) }
    let prompts = [3, 9, 1, 6]
    let cache = KeyValueCache(decoder.config, sequenceCount: 4, capacity: 20)
    let states = decoder.hiddenStates(
      decoder.embed(zip(texts, prompts).flatMap { $0.0[..<$0.1] }, tape: nil), lengths: prompts,
      readCounts: [1, 1, 1, 1], cache: cache, tape: nil)
    for (sequence, prompt) in prompts.enumerated() {
      expectClose(
        states.rowSlice(sequence..<sequence + 1), expected[sequence].rowSlice(prompt - 1..<prompt), relative: 1e-5)
    }
    for step in 0..<8 {
      let next = zip(texts, prompts).map { $0[$1 + step] }
      let states = decoder.hiddenStates(
        decoder.embed(next, tape: nil), lengths: [1, 1, 1, 1], cache: cache, tape: nil)
      for (sequence, prompt) in prompts.enumerated() {
        expectClose(
          states.rowSlice(sequence..<sequence + 1), expected[sequence].rowSlice(prompt + step..<prompt + step + 1),
          relative: 1e-5, "sequence \(sequence), step \(step)")
      }
    }
  }

  @Test("sequences of unequal numbers of new rows", arguments: DecoderParityTests.cases)
  func unequalRows(name: String) throws {
    let decoder = try decoder(name)
    let texts = [ids(14, decoder, seed: 5), ids(14, decoder, seed: 6)]
    let expected = texts.map { whole(decoder, $0) }
    let cache = KeyValueCache(decoder.config, sequenceCount: 2, capacity: 14)
    for counts in [[4, 1], [1, 6], [3, 1], [2, 5], [4, 1]] {
      let starts = cache.lengths
      let parts = texts.indices.map { Array(texts[$0][starts[$0]..<starts[$0] + counts[$0]]) }
      let states = decoder.hiddenStates(
        decoder.embed(parts.flatMap { $0 }, tape: nil), lengths: counts, cache: cache, tape: nil)
      expectClose(
        states.rowSlice(0..<counts[0]), expected[0].rowSlice(starts[0]..<starts[0] + counts[0]), relative: 1e-5)
      expectClose(
        states.rowSlice(counts[0]..<counts[0] + counts[1]), expected[1].rowSlice(starts[1]..<starts[1] + counts[1]),
        relative: 1e-5)
    }
  }

  @Test("kept sequences go on as if they had been alone, also doubled and reordered")
  func keeping() throws {
    let decoder = try decoder("gemma-window-short")
    let texts = (0..<3).map { ids(13, decoder, seed: UInt64(20 + $0)) }
    let expected = texts.map { whole(decoder, $0) }
    let cache = KeyValueCache(decoder.config, sequenceCount: 3, capacity: 16)
    let lengths = [9, 4, 12]
    _ = decoder.hiddenStates(
      decoder.embed(zip(texts, lengths).flatMap { $0.0[..<$0.1] }, tape: nil), lengths: lengths, cache: cache, tape: nil
    )
    let order = [2, 0, 0]
    let kept = cache.keep(order)
    #expect(kept.lengths == [12, 9, 9])
    let states = decoder.hiddenStates(
      decoder.embed(order.map { texts[$0][lengths[$0]] }, tape: nil), lengths: [1, 1, 1], cache: kept, tape: nil)
    for (row, sequence) in order.enumerated() {
      let position = lengths[sequence]
      expectClose(states.rowSlice(row..<row + 1), expected[sequence].rowSlice(position..<position + 1), relative: 1e-5)
    }
    #expect(cache.lengths == lengths)
  }
}
