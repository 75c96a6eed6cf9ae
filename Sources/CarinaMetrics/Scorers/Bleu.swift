import CarinaRuntime
import Foundation

/// BLEU over a corpus (Papineni et al. 2002), as three reference programs compute it from the same ten numbers an
/// answer.
enum Bleu {
  /// The ten numbers from which every one of them is computed: hypothesis and reference length,
  /// then for runs of one to four tokens how many match a reference (clipped) and how many there are.
  struct Statistics {
    /// Which of several references lends its length.
    enum ReferenceLength {
      /// The one nearest to the hypothesis; of two equally near, the shorter.
      case closest
      /// The shortest.
      case shortest
    }

    static let width = 10

    var hypothesisLength: Double
    var referenceLength: Double
    var correct: [Double]
    var total: [Double]

    /// The numbers of one hypothesis against its references.
    init(_ hypothesis: [Int32], _ references: [[Int32]], length: ReferenceLength) {
      hypothesisLength = Double(hypothesis.count)
      let lengths = references.map(\.count)
      let chosen =
        switch length {
        case .closest: lengths.min { (abs($0 - hypothesis.count), $0) < (abs($1 - hypothesis.count), $1) }
        case .shortest: lengths.min()
        }
      referenceLength = Double(chosen ?? 0)
      correct = []
      total = []
      for order in 1...4 {
        var allowed = NgramCounts([], length: order)
        for reference in references { allowed.formUnion(NgramCounts(reference, length: order)) }
        correct.append(Double(NgramCounts(hypothesis, length: order).overlap(allowed)))
        total.append(Double(max(0, hypothesis.count - order + 1)))
      }
    }

    /// Back from the flat form, or from a sum of flat forms.
    init(_ flat: [Double]) {
      hypothesisLength = flat[0]
      referenceLength = flat[1]
      correct = Array(flat[2..<6])
      total = Array(flat[6..<10])
    }

    /// The numbers in a row: lengths, matches, totals.
    var flat: [Double] { [hypothesisLength, referenceLength] + correct + total }
  }
}

extension Bleu {
  /// `bleu-coco-1..4`, the BLEU of the COCO caption evaluation (Chen et al. 2015) and of most report-generation papers;
  /// `bleu-coco-raw-1..4`, the same scorer on unprocessed text.
  ///
  /// Corpus totals, clipped against the maximum over references; precision (correct + 1e-15) / (total + 1e-9);
  /// geometric mean up to the order; closest reference length; penalty exp(1 - 1/ratio) with ratio
  /// (hypothesis + 1e-15) / (reference + 1e-9) when that is under 1. In 0…1.
  struct Coco: MetricFamily {
    /// Whether texts go through the Penn Treebank tokenizer (lower-cased, without punctuation) or are split as they
    /// are.
    let tokenized: Bool

    var names: [String] { (1...4).map { tokenized ? "bleu-coco-\($0)" : "bleu-coco-raw-\($0)" } }
    var signature: String {
      let tokens = tokenized ? "ptb|case:lower|punct:removed" : "whitespace|case:mixed"
      return "tok:\(tokens)|ref:closest|smooth:1e-15/1e-9|range:0-1"
    }
    var width: Int { Statistics.width }

    func statistics(of answer: ScoredAnswer, using cache: TokenCache) -> [Double]? {
      func tokens(_ text: String) -> [Int32] {
        tokenized
          ? cache.tokens(text, "ptb") { PythonText.words(PennTreebankTokenizer.caption($0)) }
          : cache.tokens(text, "raw", PythonText.words)
      }
      return Statistics(tokens(answer.prediction), answer.references.map(tokens), length: .closest).flat
    }

    func values(of sums: [Double], count: Int) -> [Double] {
      let sum = Statistics(sums)
      let ratio = (sum.hypothesisLength + 1e-15) / (sum.referenceLength + 1e-9)
      let penalty = ratio < 1 ? exp(1 - 1 / ratio) : 1
      var product = 1.0
      return (0..<4).map { k in
        product *= (sum.correct[k] + 1e-15) / (sum.total[k] + 1e-9)
        return pow(product, 1 / Double(k + 1)) * penalty
      }
    }
  }
}

extension Bleu {
  /// `sacrebleu`: corpus BLEU as SacreBLEU (Post 2018) computes it by default: 13a tokens, case kept, order 4,
  /// exponential smoothing, closest reference length. In 0…100.
  ///
  /// The k-th order without a match counts 1/(2^k · total); an order with nothing to count ends the product with zero;
  /// no matching word at all is 0; penalty exp(1 - reference/hypothesis) when the hypothesis is shorter.
  struct Sacre: MetricFamily {
    let names = ["sacrebleu"]
    let signature = "case:mixed|eff:no|tok:13a|smooth:exp|version:carina-\(CarinaVersion.current)"
    var width: Int { Statistics.width }

    /// As SacreBLEU writes it, beginning with the number of references where all answers have the same.
    func signature(for answers: [ScoredAnswer]) -> String {
      let counts = Set(answers.map(\.references.count))
      return "nrefs:\(counts.count == 1 ? counts.first.map(String.init) ?? "var" : "var")|\(signature)"
    }

    func statistics(of answer: ScoredAnswer, using cache: TokenCache) -> [Double]? {
      func tokens(_ text: String) -> [Int32] { cache.tokens(text, "13a", Tokenizer13a.tokens) }
      return Statistics(tokens(answer.prediction), answer.references.map(tokens), length: .closest).flat
    }

    func values(of sums: [Double], count: Int) -> [Double] {
      let sum = Statistics(sums)
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
}

extension Bleu {
  /// `hf-bleu`: the `bleu` of Hugging Face's `evaluate` (numerics of TensorFlow's NMT tutorial): 13a tokens, order 4,
  /// no smoothing, shortest reference length. In 0…1; 0 as soon as one order has no match.
  struct HuggingFace: MetricFamily {
    let names = ["hf-bleu"]
    let signature = "case:mixed|tok:13a|smooth:none|ref:shortest|range:0-1"
    var width: Int { Statistics.width }

    func statistics(of answer: ScoredAnswer, using cache: TokenCache) -> [Double]? {
      func tokens(_ text: String) -> [Int32] { cache.tokens(text, "13a", Tokenizer13a.tokens) }
      return Statistics(tokens(answer.prediction), answer.references.map(tokens), length: .shortest).flat
    }

    func values(of sums: [Double], count: Int) -> [Double] {
      let sum = Statistics(sums)
      guard sum.correct.allSatisfy({ $0 > 0 }), sum.referenceLength > 0 else { return [0] }
      let mean = (0..<4).reduce(0.0) { $0 + 0.25 * log(sum.correct[$1] / sum.total[$1]) }
      let ratio = sum.hypothesisLength / sum.referenceLength
      return [exp(mean) * (ratio > 1 ? 1 : exp(1 - 1 / ratio))]
    }
  }
}
