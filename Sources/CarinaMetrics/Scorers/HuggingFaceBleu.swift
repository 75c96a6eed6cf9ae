import Foundation

/// `hf-bleu`: the `bleu` of Hugging Face's `evaluate` (numerics of TensorFlow's NMT tutorial): 13a tokens, order 4, no
/// smoothing, shortest reference length. In 0…1; 0 as soon as one order has no match.
struct HuggingFaceBleu: MetricFamily {
  let names = ["hf-bleu"]
  let signature = "case:mixed|tok:13a|smooth:none|ref:shortest|range:0-1"
  var width: Int { BleuStatistics.width }

  func statistics(of answer: ScoredAnswer, using cache: TokenCache) -> [Double]? {
    func tokens(_ text: String) -> [Int32] { cache.tokens(text, "13a", Tokenizer13a.tokens) }
    return BleuStatistics(tokens(answer.prediction), answer.references.map(tokens), length: .shortest).flat
  }

  func values(of sums: [Double], count: Int) -> [Double] {
    let sum = BleuStatistics(sums)
    guard sum.correct.allSatisfy({ $0 > 0 }), sum.referenceLength > 0 else { return [0] }
    let mean = (0..<4).reduce(0.0) { $0 + 0.25 * log(sum.correct[$1] / sum.total[$1]) }
    let ratio = sum.hypothesisLength / sum.referenceLength
    return [exp(mean) * (ratio > 1 ? 1 : exp(1 - 1 / ratio))]
  }
}
