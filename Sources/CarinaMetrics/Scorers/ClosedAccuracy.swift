import CarinaRuntime

/// `closed-accuracy`, `closed@type` and `closed@yesno`: how often a closed question is answered right.
///
/// Right means equality after `AnswerNormalizer`, with any reference; where the reference is yes or no, a prediction
/// whose first word is that word is right too ("Yes, on the left."). `closed@type` (and `closed-accuracy`, which is the
/// same number under its short name) counts the answers that the data set calls `CLOSED`; `closed@yesno` those whose
/// first reference is yes or no. The two have different denominators in VQA-RAD and SLAKE. In 0…1.
enum ClosedAccuracy {
  static let families: [any MetricFamily] = [
    MeanMetric(name: "closed-accuracy", signature: "closed-accuracy-strict|rows:answer_type=CLOSED|\(rule)") {
      $0.isClosed ? score($0, $1) : nil
    },
    MeanMetric(name: "closed@type", signature: "closed-accuracy-strict|rows:answer_type=CLOSED|\(rule)") {
      $0.isClosed ? score($0, $1) : nil
    },
    MeanMetric(name: "closed@yesno", signature: "closed-accuracy-strict|rows:reference=yes/no|\(rule)") {
      answer, cache in
      guard let first = answer.references.first, isYesOrNo(cache.normalized(first)) else { return nil }
      return score(answer, cache)
    },
  ]

  private static let rule = "norm:vqa|yes/no:first-word|refs:any"

  /// Whether the prediction is right, by the rule of the type's description.
  static func isRight(_ prediction: String, _ references: [String], _ cache: TokenCache) -> Bool {
    let prediction = cache.normalized(prediction)
    return references.contains { reference in
      let wanted = cache.normalized(reference)
      if prediction.isExactly(wanted) { return true }
      return isYesOrNo(wanted) && firstWord(prediction).isExactly(wanted)
    }
  }

  private static func score(_ answer: ScoredAnswer, _ cache: TokenCache) -> Double {
    isRight(answer.prediction, answer.references, cache) ? 1 : 0
  }

  private static func isYesOrNo(_ text: String) -> Bool { text == "yes" || text == "no" }

  /// The first word, cut off also at marks that the normalisation leaves ("yes: …").
  private static func firstWord(_ text: String) -> String {
    String(text.prefix { $0.isLetter || $0.isNumber || $0 == "'" })
  }
}
