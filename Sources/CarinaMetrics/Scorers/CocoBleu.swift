import Foundation

/// `bleu-coco-1..4`, the BLEU of the COCO caption evaluation (Chen et al. 2015) and of most report-generation papers;
/// `bleu-coco-raw-1..4`, the same scorer on unprocessed text.
///
/// Corpus totals, clipped against the maximum over references; precision (correct + 1e-15) / (total + 1e-9); geometric
/// mean up to the order; closest reference length; penalty exp(1 - 1/ratio) with ratio
/// (hypothesis + 1e-15) / (reference + 1e-9) when that is under 1. In 0…1.
struct CocoBleu: MetricFamily {
  /// Whether texts go through the Penn Treebank tokenizer (lower-cased, without punctuation) or are split as they are.
  let tokenized: Bool

  var names: [String] { (1...4).map { tokenized ? "bleu-coco-\($0)" : "bleu-coco-raw-\($0)" } }
  var signature: String {
    "tok:\(tokenized ? "ptb|case:lower|punct:removed" : "whitespace|case:mixed")|ref:closest|smooth:1e-15/1e-9|range:0-1"
  }
  var width: Int { BleuStatistics.width }

  func statistics(of answer: ScoredAnswer, using cache: TokenCache) -> [Double]? {
    func tokens(_ text: String) -> [Int32] {
      tokenized
        ? cache.tokens(text, "ptb") { PythonText.words(PennTreebankTokenizer.caption($0)) }
        : cache.tokens(text, "raw", PythonText.words)
    }
    return BleuStatistics(tokens(answer.prediction), answer.references.map(tokens), length: .closest).flat
  }

  func values(of sums: [Double], count: Int) -> [Double] {
    let sum = BleuStatistics(sums)
    let ratio = (sum.hypothesisLength + 1e-15) / (sum.referenceLength + 1e-9)
    let penalty = ratio < 1 ? exp(1 - 1 / ratio) : 1
    var product = 1.0
    return (0..<4).map { k in
      product *= (sum.correct[k] + 1e-15) / (sum.total[k] + 1e-9)
      return pow(product, 1 / Double(k + 1)) * penalty
    }
  }
}
