import Carina

/// Greedy continuation of token ids, written plainly.
enum GreedyText {
  /// One pass over the prompt, then one new position at a time over a cache.
  static func cached(_ decoder: Decoder, _ prompt: [Int], count: Int) -> [Int] {
    let cache = KeyValueCache(decoder.config, sequenceCount: 1, capacity: prompt.count + count)
    var tokens: [Int] = [], next = prompt
    while tokens.count < count {
      let states = decoder.hiddenStates(
        decoder.embed(next, tape: nil), lengths: [next.count], readCounts: [1], cache: cache, tape: nil)
      next = [largest(decoder.logits(states).values)]
      tokens += next
    }
    return tokens
  }

  /// A whole pass for every token.
  static func uncached(_ decoder: Decoder, _ prompt: [Int], count: Int) -> [Int] {
    var tokens = prompt
    for _ in 0..<count {
      let states = decoder.hiddenStates(decoder.embed(tokens, tape: nil), lengths: [tokens.count], tape: nil)
      tokens.append(largest(decoder.logits(states.rowSlice(tokens.count - 1..<tokens.count)).values))
    }
    return Array(tokens[prompt.count...])
  }

  private static func largest(_ values: [Float]) -> Int { values.indices.max { values[$0] < values[$1] } ?? 0 }
}
