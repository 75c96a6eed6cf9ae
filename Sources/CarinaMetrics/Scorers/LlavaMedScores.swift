import CarinaRuntime

/// `closed-llavamed` and `open-llavamed`: the two numbers that LLaVA-Med (Li et al. 2023) and its successors report, in
/// percent. They are here for comparison with those papers and for nothing else.
///
/// - Closed: where the normalised prediction contains "yes" or "no" anywhere, also inside a word ("normal", "nodule"),
///   it is right if the normalised reference is a part of it; otherwise wrong. The script first published drops
///   the wrong yes/no answers from the denominator; here, as in the repaired copies, they count as wrong.
/// - Open: recall of words, where a word that occurs in both counts as often as the prediction says it.
/// Both use `AnswerNormalizer` and drop commas that are left; of several references the best counts.
enum LlavaMedScores {
  static let families: [any MetricFamily] = [
    MeanMetric(
      name: "closed-llavamed", signature: "norm:vqa|substring|rows:answer_type=CLOSED|range:0-100", scale: 100
    ) { answer, cache in
      guard answer.isClosed else { return nil }
      let prediction = normalized(answer.prediction, cache)
      guard ["yes", "no"].contains(where: { PythonText.contains($0, in: prediction) }) else { return 0 }
      return answer.references.contains { PythonText.contains(normalized($0, cache), in: prediction) } ? 1 : 0
    },
    MeanMetric(
      name: "open-llavamed", signature: "norm:vqa|recall:prediction-counts|rows:answer_type=OPEN|range:0-100",
      scale: 100
    ) { answer, cache in
      guard answer.isOpen else { return nil }
      let prediction = normalized(answer.prediction, cache)
      return answer.references.map { recall(prediction, normalized($0, cache)) }.max() ?? 0
    },
  ]

  private static func normalized(_ text: String, _ cache: TokenCache) -> String {
    PythonText.replacing(",", with: "", in: cache.normalized(text))
  }

  private static func recall(_ prediction: String, _ reference: String) -> Double {
    let said = PythonText.words(prediction).map(\.exact)
    let wanted = PythonText.words(reference).map(\.exact)
    let found = said.filter(Set(wanted).contains).count
    let missed = wanted.filter { !Set(said).contains($0) }.count
    return found == 0 ? 0 : Double(found) / Double(found + missed)
  }
}
