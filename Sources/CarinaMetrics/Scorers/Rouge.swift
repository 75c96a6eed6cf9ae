/// ROUGE (Lin 2004), as two reference programs compute it.
enum Rouge {
  /// `rougeL-coco`: ROUGE-L as the COCO caption evaluation computes it, on Penn Treebank tokens.
  ///
  /// Precision and recall are each the largest over the references, F has beta 1.2, and the score is the mean over
  /// answers. Texts are cut at single spaces, so an empty text is one empty token: two empty texts agree. In 0…1.
  struct Coco: MetricFamily {
    let names = ["rougeL-coco"]
    let signature = "tok:ptb|case:lower|punct:removed|beta:1.2|refs:max-p,max-r|mean:samples"
    var width: Int { 1 }

    func statistics(of answer: ScoredAnswer, using cache: TokenCache) -> [Double]? {
      func tokens(_ text: String) -> [Int32] {
        cache.tokens(text, "ptb-pieces") { PythonText.pieces(PennTreebankTokenizer.caption($0)) }
      }
      let hypothesis = tokens(answer.prediction)
      var precision = 0.0
      var recall = 0.0
      for reference in answer.references.map(tokens) {
        let length = Double(LongestCommonSubsequence(reference, hypothesis).length)
        precision = max(precision, length / Double(hypothesis.count))
        recall = max(recall, length / Double(reference.count))
      }
      guard precision > 0, recall > 0 else { return [0] }
      let beta = 1.2 * 1.2
      return [(1 + beta) * precision * recall / (recall + beta * precision)]
    }

    func values(of sums: [Double], count: Int) -> [Double] { [sums[0] / Double(count)] }
  }
}

extension Rouge {
  /// `rouge1-google`, `rouge2-google`, `rougeL-google`, `rougeLsum-google` and their `-stem` variants: ROUGE as
  /// Google's `rouge_score` computes it. Mean over answers of the F1; with several references the largest. In 0…1.
  struct Google: MetricFamily {
    /// Whether tokens longer than three letters are stemmed.
    let stemmed: Bool

    var names: [String] {
      ["rouge1", "rouge2", "rougeL", "rougeLsum"].map { "\($0)-google" + (stemmed ? "-stem" : "") }
    }
    var signature: String { "tok:a-z0-9|case:lower|stem:\(stemmed ? "porter-nltk" : "no")|f:1|refs:max|mean:samples" }
    var width: Int { 4 }

    func statistics(of answer: ScoredAnswer, using cache: TokenCache) -> [Double]? {
      var best = [0.0, 0, 0, 0]
      for reference in answer.references {
        let scores = scores(answer.prediction, reference, cache)
        for k in best.indices { best[k] = max(best[k], scores[k]) }
      }
      return best
    }

    func values(of sums: [Double], count: Int) -> [Double] { sums.map { $0 / Double(count) } }

    private func tokens(_ text: String, _ cache: TokenCache) -> [Int32] {
      cache.tokens(text, stemmed ? "rouge-stem" : "rouge") { RougeTokenizer.tokens($0, stemmed: stemmed) }
    }

    private func scores(_ prediction: String, _ reference: String, _ cache: TokenCache) -> [Double] {
      let hypothesis = tokens(prediction, cache)
      let target = tokens(reference, cache)
      func overlap(_ n: Int) -> Double {
        let matches = NgramCounts(target, length: n).overlap(NgramCounts(hypothesis, length: n))
        return Self.f1(matches, of: max(0, hypothesis.count - n + 1), and: max(0, target.count - n + 1))
      }
      return [
        overlap(1), overlap(2),
        Self.f1(LongestCommonSubsequence(target, hypothesis).length, of: hypothesis.count, and: target.count),
        summary(prediction, reference, cache),
      ]
    }

    /// Summary-level L: for each reference line the union of its common subsequences with every predicted line, each
    /// token counted no more often than it occurs on either side.
    private func summary(_ prediction: String, _ reference: String, _ cache: TokenCache) -> Double {
      func lines(_ text: String) -> [[Int32]] {
        text.utf8.split(separator: 10).map { tokens(String(decoding: $0, as: UTF8.self), cache) }
      }
      let hypothesis = lines(prediction)
      let target = lines(reference)
      var left = hypothesis.joined().reduce(into: [Int32: Int]()) { $0[$1, default: 0] += 1 }
      var leftInTarget = target.joined().reduce(into: [Int32: Int]()) { $0[$1, default: 0] += 1 }
      var hits = 0
      for line in target {
        let union = Set(hypothesis.flatMap { LongestCommonSubsequence(line, $0).rowIndices })
        for index in union.sorted() {
          let token = line[index]
          guard left[token, default: 0] > 0, leftInTarget[token, default: 0] > 0 else { continue }
          hits += 1
          left[token, default: 0] -= 1
          leftInTarget[token, default: 0] -= 1
        }
      }
      return Self.f1(hits, of: hypothesis.joined().count, and: target.joined().count)
    }

    /// F1 of the precision `matches`/`predicted` and the recall `matches`/`wanted`; zero when nothing matches.
    private static func f1(_ matches: Int, of predicted: Int, and wanted: Int) -> Double {
      guard matches > 0 else { return 0 }
      let precision = Double(matches) / Double(predicted)
      let recall = Double(matches) / Double(wanted)
      return 2 * precision * recall / (precision + recall)
    }
  }
}
