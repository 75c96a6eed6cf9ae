import CarinaRuntime
import CarinaTensor
import Foundation

/// The tokens that sampling may choose from, and how probable each is.
///
/// In the order of transformers' warpers: temperature; the K most probable and their equals (Fan et al. 2018); then the
/// smallest set that holds the share P of what is left (Holtzman et al. 2020).
package struct CandidateTokens {
  /// Ids, and a positive weight for each, proportional to its probability.
  package private(set) var tokens: [Int], weights: [Double]

  /// Candidates of one row of logits; `temperature` is above 0.
  package init(_ logits: UnsafeBufferPointer<Float>, temperature: Double, topK: Int?, topP: Double?) {
    let top = Double(TokenRanking.maximum(logits))
    if let topK, topK < logits.count {
      let least = TokenRanking.largest(topK, of: logits).last.map { logits[$0] } ?? -.infinity
      tokens = logits.indices.filter { logits[$0] >= least }
    } else {
      tokens = Array(logits.indices)
    }
    weights = tokens.map { exp((Double(logits[$0]) - top) / temperature) }
    if let topP, topP < 1 { keepNucleus(topP) }
  }

  /// A token by its weight.
  package func draw(_ generator: inout SeededGenerator) -> Int {
    var target = generator.uniform() * weights.reduce(0, +)
    for (token, weight) in zip(tokens, weights) {
      target -= weight
      if target < 0 { return token }
    }
    return tokens[tokens.count - 1]
  }

  private mutating func keepNucleus(_ share: Double) {
    let needed = share * weights.reduce(0, +)
    // Nearly all the mass is with few tokens: only those are sorted, more of them until they hold the share.
    var floor = 1e-3
    var ranked = [Int]()
    repeat {
      ranked = weights.indices.filter { weights[$0] >= floor }
      floor *= 1e-3
    } while ranked.count < weights.count && ranked.reduce(0, { $0 + weights[$1] }) < needed
    ranked.sort { weights[$0] != weights[$1] ? weights[$0] > weights[$1] : $0 < $1 }
    var held = 0.0
    let kept = ranked.prefix { index in
      defer { held += weights[index] }
      return held < needed
    }
    (tokens, weights) = (kept.map { tokens[$0] }, kept.map { weights[$0] })
  }
}
