import CarinaRuntime
import Foundation

/// `sacrebleu`: corpus BLEU as SacreBLEU (Post 2018) computes it by default: 13a tokens, case kept, order 4,
/// exponential smoothing, closest reference length. In 0…100.
///
/// The k-th order without a match counts 1/(2^k · total); an order with nothing to count ends the product with zero;
/// no matching word at all is 0; penalty exp(1 - reference/hypothesis) when the hypothesis is shorter.
struct SacreBleu: MetricFamily {
  let names = ["sacrebleu"]
  let signature = "case:mixed|eff:no|tok:13a|smooth:exp|version:carina-\(CarinaVersion.current)"
  var width: Int { BleuStatistics.width }

  /// As SacreBLEU writes it, beginning with the number of references where all answers have the same.
  func signature(for answers: [ScoredAnswer]) -> String {
    let counts = Set(answers.map(\.references.count))
    return "nrefs:\(counts.count == 1 ? counts.first.map(String.init) ?? "var" : "var")|\(signature)"
  }

  func statistics(of answer: ScoredAnswer, using cache: TokenCache) -> [Double]? {
    func tokens(_ text: String) -> [Int32] { cache.tokens(text, "13a", Tokenizer13a.tokens) }
    return BleuStatistics(tokens(answer.prediction), answer.references.map(tokens), length: .closest).flat
  }

  func values(of sums: [Double], count: Int) -> [Double] {
    let sum = BleuStatistics(sums)
    guard sum.correct.contains(where: { $0 > 0 }) else { return [0] }
    var logarithms = 0.0
    var smoothing = 1.0
    for k in 0..<4 {
      guard sum.total[k] > 0 else { return [0] }
      if sum.correct[k] == 0 { smoothing *= 2 }
      let precision = sum.correct[k] == 0 ? 100 / (smoothing * sum.total[k]) : 100 * sum.correct[k] / sum.total[k]
      logarithms += log(precision)
    }
    let short = sum.hypothesisLength < sum.referenceLength
    let penalty = short ? exp(1 - sum.referenceLength / sum.hypothesisLength) : 1
    return [penalty * exp(logarithms / 4)]
  }
}
