import Foundation

/// `nll-per-token` and `perplexity` of the references, over the answers that carry `nll` and `tokens`: total negative
/// log-likelihood over total supervised tokens, in nats, and its exponential, which is left out where no number can
/// hold it.
struct Likelihood: MetricFamily {
  let names = ["nll-per-token", "perplexity"]
  let signature = "sum(nll)/sum(tokens)|unit:nat"
  var width: Int { 2 }

  func statistics(of answer: ScoredAnswer, using cache: TokenCache) -> [Double]? {
    guard let nll = answer.nll, let tokens = answer.tokens, tokens > 0 else { return nil }
    return [nll, Double(tokens)]
  }

  func values(of sums: [Double], count: Int) -> [Double] {
    let mean = sums[0] / sums[1]
    // The second name comes last, so that a value can be missing.
    return [mean, exp(mean)].filter(\.isFinite)
  }
}
