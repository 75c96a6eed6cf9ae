import Foundation
import TestSupport
import Testing

import Carina

/// One more token by the card's few kernels is that of the blocks' operations one by one.
@Suite("CUDA: one more token", .enabled(if: CUDATestDevice.isPresent, "\(CUDATestDevice.reason)"))
struct CUDATokenDecoderTests {
  @Test(
    "states of one to three sequences, in windows and beyond", arguments: [1, 2, 3],
    ["gemma-1b-style", "gemma-window-short"])
  func states(sequences: Int, name: String) throws {
    let card = try CUDATwin.card.get(), path = try ParityGolden.path("model/\(name)") + "/config.json"
    var text = try String(contentsOfFile: path, encoding: .utf8)
    // Widths that the kernels take.
    for (key, value) in [("intermediate_size", 40), ("hidden_size", 24), ("head_dim", 8)] {
      text.replace(try Regex("\"\(key)\": [0-9]+"), with: "\"\(key)\": \(value)")
    }
    let config = try DecoderConfig(json: JSONValue.parse(text, source: path), source: path)
    let decoder = Decoder(config, from: RandomParameterSource(seed: 3, precision: .bfloat16, on: card))
    let prompts = (0..<sequences).map { sequence in (0..<9 + 3 * sequence).map { 3 + ($0 * 7 + sequence) % 40 } }
    let next = (0..<3).map { step in prompts.indices.map { 5 + step + $0 } }
    let cache = KeyValueCache(config, sequenceCount: sequences, capacity: 40, on: card)
    _ = decoder.hiddenStates(
      decoder.embed(prompts.flatMap { $0 }, tape: nil), lengths: prompts.map(\.count), cache: cache, tape: nil)
    var wholes = prompts
    for tokens in next {
      let found = decoder.hiddenStates(
        decoder.embed(tokens, tape: nil), lengths: tokens.map { _ in 1 }, cache: cache, tape: nil)
      for (index, token) in tokens.enumerated() { wholes[index].append(token) }
      let expected = decoder.hiddenStates(
        decoder.embed(wholes.flatMap { $0 }, tape: nil), lengths: wholes.map(\.count),
        readCounts: wholes.map { _ in 1 }, tape: nil)
      #expect(found.shape == expected.shape)
      expectClose(CUDATwin.onHost(found), CUDATwin.onHost(expected), relative: 4e-2)
    }
    #expect(cache.decodingWeights?.count == config.layerCount, "the card's kernels were not used")
    try card.throwFailure()
  }
}
