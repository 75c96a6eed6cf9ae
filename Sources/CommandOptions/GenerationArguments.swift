import ArgumentParser
import Carina

/// How answers are made; greedy unless told otherwise.
public struct GenerationArguments: ParsableArguments {
  /// Limit.
  @Option(name: .long, help: "Most tokens of an answer.")
  public var maxNewTokens = 128
  /// Beams.
  @Option(name: .long, help: "Beams of a beam search; 1 for none.")
  public var numBeams = 1
  /// Temperature.
  @Option(name: .long, help: "Sample at this temperature; 0 takes the most probable token.")
  public var temperature = 0.0
  /// Top k.
  @Option(name: .long, help: "Sample among so many most probable tokens.")
  public var topK: Int?
  /// Top p.
  @Option(name: .long, help: "Sample among the most probable tokens that together have this probability.")
  public var topP: Double?
  /// Repetition penalty.
  @Option(name: .long, help: "Above 1 makes tokens that the answer has already less probable.")
  public var repetitionPenalty = 1.0
  /// Length penalty.
  @Option(name: .long, help: "With beams: above 0 favours long answers, below 0 short ones.")
  public var lengthPenalty = 1.0
  /// Seed.
  @Option(name: .long, help: "Seed of sampling.")
  public var seed: UInt64 = 0

  /// The defaults.
  public init() {}

  /// The engine's options.
  /// - Throws: `CarinaError.usage` naming the option.
  public func options() throws -> GenerationOptions {
    var options = GenerationOptions()
    options.maximumNewTokens = maxNewTokens
    options.beamCount = numBeams
    options.temperature = temperature
    options.topK = topK
    options.topP = topP
    options.repetitionPenalty = repetitionPenalty
    options.lengthPenalty = lengthPenalty
    options.seed = seed
    try options.validate()
    return options
  }

  /// Lines for the run's header: what is in use, and what changes it.
  public var header: [(name: String, value: String)] {
    var lines: [(name: String, value: String)] = [("max-new-tokens", "\(maxNewTokens)")]
    if temperature > 0 {
      lines += [("temperature", "\(temperature)"), ("seed", "\(seed)")]
      if let topK { lines.append(("top-k", "\(topK)")) }
      if let topP { lines.append(("top-p", "\(topP)")) }
    } else if numBeams > 1 {
      lines += [("num-beams", "\(numBeams)"), ("length-penalty", "\(lengthPenalty)")]
    } else {
      lines.append(("choice", "greedy"))
    }
    if repetitionPenalty != 1 { lines.append(("repetition-penalty", "\(repetitionPenalty)")) }
    return lines
  }
}
