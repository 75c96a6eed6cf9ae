import Foundation

/// Picks the next token of one answer from its logits.
struct TokenChooser {
  private let options: GenerationOptions
  private var generator: SeededGenerator

  init(_ options: GenerationOptions, stream: String) {
    self.options = options
    generator = SeededGenerator(seed: options.seed, stream: stream)
  }

  /// The next token. Penalties look at `made`, the answer so far, and never at the prompt.
  mutating func choose(_ logits: UnsafeBufferPointer<Float>, after made: [Int]) -> Int {
    guard options.repetitionPenalty != 1 || options.temperature > 0 else { return TokenChooser.largest(logits) }
    var adjusted = Array(logits)
    let penalty = Float(options.repetitionPenalty)
    for token in Set(made) {
      adjusted[token] = adjusted[token] > 0 ? adjusted[token] / penalty : adjusted[token] * penalty
    }
    guard options.temperature > 0 else { return adjusted.withUnsafeBufferPointer(TokenChooser.largest) }
    return sample(adjusted)
  }

  /// The first of the largest values.
  static func largest(_ values: UnsafeBufferPointer<Float>) -> Int {
    var best = 0
    for index in values.indices where values[index] > values[best] { best = index }
    return best
  }

  /// Temperature, then the K most probable, then the smallest set holding P of the probability (Holtzman et al. 2020), in the order
  /// of transformers' warpers.
  private mutating func sample(_ logits: [Float]) -> Int {
    let scaled = logits.map { Double($0) / options.temperature }
    var ranked = scaled.indices.sorted { (scaled[$0], -$0) > (scaled[$1], -$1) }
    if let topK = options.topK { ranked = Array(ranked.prefix(topK)) }
    let top = scaled[ranked[0]]
    var weights = ranked.map { exp(scaled[$0] - top) }
    if let topP = options.topP {
      let total = weights.reduce(0, +)
      var held = 0.0, count = 0
      while count < weights.count && (count == 0 || held < topP * total) {
        held += weights[count]
        count += 1
      }
      weights = Array(weights.prefix(count))
    }
    var target = generator.uniform() * weights.reduce(0, +)
    for (index, weight) in weights.enumerated() {
      target -= weight
      if target < 0 { return ranked[index] }
    }
    return ranked[weights.count - 1]
  }
}
