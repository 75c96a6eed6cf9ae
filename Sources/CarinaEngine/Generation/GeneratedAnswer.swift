/// One answer as token ids.
package struct GeneratedAnswer: Equatable, Sendable {
  /// Ids, without the stop token.
  package var tokens: [Int]
  /// Whether a stop token ended it, and not the limit.
  package var reachedEnd: Bool

  /// An answer.
  package init(tokens: [Int], reachedEnd: Bool) {
    self.tokens = tokens
    self.reachedEnd = reachedEnd
  }
}
