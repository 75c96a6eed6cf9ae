import ArgumentParser
import Carina

/// How answers are made.
struct DecodingOptions: ParsableArguments {
  @Option(help: "The most tokens of an answer.") var maxNewTokens = 128
  @Option(help: "Beams of the search.") var numBeams = 1
  @Option(help: "Above 0: sample instead of taking the most probable token.") var temperature = 0.0
  @Option(help: "Sample among so many most probable tokens.") var topK: Int?
  @Option(help: "Sample among the most probable tokens that hold so much probability.") var topP: Double?
  @Option(help: "Above 1: tokens that the answer has already become less probable.") var repetitionPenalty = 1.0
  @Option(help: "Exponent of the length by which a beam's score is divided.") var lengthPenalty = 1.0

  /// The engine's options.
  func options(seed: UInt64) -> GenerationOptions {
    var options = GenerationOptions()
    options.maximumNewTokens = maxNewTokens
    options.beamCount = numBeams
    options.temperature = temperature
    options.topK = topK
    options.topP = topP
    options.repetitionPenalty = repetitionPenalty
    options.lengthPenalty = lengthPenalty
    options.seed = seed
    return options
  }
}
