import CarinaRuntime

/// `exact-match` over all answers and `exact-match-open` over those that the data set calls `OPEN`: how often the
/// normalised prediction equals a normalised reference (`AnswerNormalizer`). In 0…1.
enum ExactMatch {
  static let families: [any MetricFamily] = [
    MeanMetric(name: "exact-match", signature: "norm:vqa|refs:any|rows:all") { score($0, $1) },
    MeanMetric(name: "exact-match-open", signature: "norm:vqa|refs:any|rows:answer_type=OPEN") {
      $0.isOpen ? score($0, $1) : nil
    },
  ]

  /// Whether the normalised prediction equals a normalised reference.
  static func isRight(_ answer: ScoredAnswer, _ cache: TokenCache) -> Bool {
    let prediction = cache.normalized(answer.prediction)
    return answer.references.contains { cache.normalized($0).isExactly(prediction) }
  }

  private static func score(_ answer: ScoredAnswer, _ cache: TokenCache) -> Double {
    isRight(answer, cache) ? 1 : 0
  }
}
