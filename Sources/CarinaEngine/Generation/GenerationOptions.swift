import CarinaRuntime

/// How an answer is made from the model's next-token probabilities. Greedy unless told otherwise.
public struct GenerationOptions: Equatable, Sendable {
  /// The most tokens of an answer, the stop token included.
  public var maximumNewTokens = 128
  /// Beams of the search; 1 for none.
  public var beamCount = 1
  /// Divides the logits before sampling; 0 takes the most probable token.
  public var temperature = 0.0
  /// Sampling only among so many most probable tokens, and only among those that together hold so much probability.
  public var topK: Int?, topP: Double?
  /// Makes tokens that the answer has already less probable (Keskar et al. 2019); 1 for no change. The question does
  /// not count.
  public var repetitionPenalty = 1.0
  /// Exponent of the length by which a finished beam's log probability is divided: above 0 favours long answers.
  public var lengthPenalty = 1.0
  /// Where the randomness of sampling comes from.
  public var seed: UInt64 = 0

  /// Greedy, up to 128 tokens.
  public init() {}

  /// Refuses values with which no answer can be made, and values that would have no effect.
  /// - Throws: `CarinaError.usage` naming the option.
  public func validate() throws {
    func require(_ holds: Bool, _ option: String, _ expected: String, _ found: Any, remedy: String? = nil) throws {
      guard !holds else { return }
      throw CarinaError(.usage, "\(option) cannot be used", expected: expected, found: "\(found)", remedy: remedy)
    }
    try require((1...1_000_000).contains(maximumNewTokens), "--max-new-tokens", "1 to 1000000", maximumNewTokens)
    try require((1...1000).contains(beamCount), "--num-beams", "1 to 1000", beamCount)
    try require(beamCount == 1 || temperature == 0, "--num-beams", "1 when --temperature is not 0", beamCount)
    try require(temperature >= 0 && temperature.isFinite, "--temperature", "a number of at least 0", temperature)
    try require(topK.map { $0 >= 1 } ?? true, "--top-k", "at least 1", topK ?? 0)
    try require(topP.map { $0 > 0 && $0 <= 1 } ?? true, "--top-p", "a number above 0 and up to 1", topP ?? 0)
    for (option, isSet) in [("--top-k", topK != nil), ("--top-p", topP != nil)] {
      try require(
        !isSet || temperature > 0, option, "sampling", "--temperature 0, which always takes the most probable token",
        remedy: "Add --temperature 1, or leave \(option) out.")
    }
    try require(
      repetitionPenalty > 0 && repetitionPenalty.isFinite, "--repetition-penalty", "above 0", repetitionPenalty)
    try require(lengthPenalty.isFinite, "--length-penalty", "a number", lengthPenalty)
    try require(
      lengthPenalty == 1 || beamCount > 1, "--length-penalty", "a beam search", "one beam",
      remedy: "Add --num-beams, or leave --length-penalty out.")
  }
}
