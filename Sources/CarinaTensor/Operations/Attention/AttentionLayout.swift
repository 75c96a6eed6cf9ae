/// Who attends to whom in one attention call over packed sequences.
///
/// Sequences lie one after the other in the rows, without padding; queries stand at the end of their keys, so a cache
/// simply has more keys than queries.
package struct AttentionLayout: Sendable {
  /// Query rows of each sequence, and key rows (equal outside decoding and pooling).
  package let queryCounts: [Int], keyCounts: [Int]
  /// Row of the key tensor where each sequence's keys begin: one after the other, or where a cache keeps them.
  package let keyStarts: [Int]
  /// Query heads H, key-value heads K (H a multiple of K), and the size E of a head.
  package let heads: Int, keyValueHeads: Int, headSize: Int
  /// Factor on the scores before the softmax.
  package let scale: Float
  /// Whether a query sees only keys at or before its own position.
  package let isCausal: Bool
  /// How many keys a query sees at most, its own included; nil for all (Gemma's local layers have 512).
  package let window: Int?
  /// Runs of keys of each sequence, counted from its first key, whose rows see each other both ways although the layout
  /// is causal (the rows of one image in Gemma 3); nil for none. They do not overlap. A window still hides what lies
  /// before it, as transformers 5.24 has it.
  package let mutualRuns: [[Range<Int>]]?

  /// Describes an attention call.
  package init(
    queryCounts: [Int], keyCounts: [Int]? = nil, keyStarts: [Int]? = nil, heads: Int, keyValueHeads: Int? = nil,
    headSize: Int, scale: Float,
    isCausal: Bool, window: Int? = nil, mutualRuns: [[Range<Int>]]? = nil
  ) {
    self.queryCounts = queryCounts
    self.keyCounts = keyCounts ?? queryCounts
    var next = 0
    self.keyStarts =
      keyStarts
      ?? self.keyCounts.map { count in
        defer { next += count }
        return next
      }
    self.heads = heads
    self.keyValueHeads = keyValueHeads ?? heads
    self.headSize = headSize
    self.scale = scale
    self.isCausal = isCausal
    self.window = window
    self.mutualRuns = mutualRuns
    precondition(
      mutualRuns.map { $0.count == queryCounts.count } ?? true, "as many lists of runs as sequences expected")
    precondition(heads % self.keyValueHeads == 0, "\(heads) heads over \(self.keyValueHeads) key-value heads")
    precondition(self.queryCounts.count == self.keyCounts.count, "as many key runs as query runs expected")
  }

  /// Columns that query `row` of a sequence sees.
  package func visible(row: Int, of sequence: Int) -> Range<Int> {
    let queries = queryCounts[sequence], keys = keyCounts[sequence]
    guard isCausal else { return 0..<keys }
    let last = keys - queries + row + 1
    let end = mutualRuns?[sequence].first { $0.contains(last - 1) }?.upperBound ?? last
    return max(0, last - (window ?? keys))..<max(end, 0)
  }
}
