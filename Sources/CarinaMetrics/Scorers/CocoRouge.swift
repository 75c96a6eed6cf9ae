/// `rougeL-coco`: ROUGE-L as the COCO caption evaluation computes it, on Penn Treebank tokens.
///
/// Precision and recall are each the largest over the references, F has beta 1.2, and the score is the mean over
/// answers. Texts are cut at single spaces, so an empty text is one empty token: two empty texts agree. In 0…1.
struct CocoRouge: MetricFamily {
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
