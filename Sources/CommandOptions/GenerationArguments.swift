import ArgumentParser
import Carina

/// How answers are made; greedy unless told otherwise.
public struct GenerationArguments: ParsableArguments {
  /// All of them.
  @OptionGroup public var settings: SettingOptions<WholeOffer<GenerationSettingList>>

  /// The defaults.
  public init() {}

  /// The engine's options.
  /// - Throws: `CarinaError.usage` naming the option.
  public func options() throws -> GenerationOptions {
    let options = try settings.values
    try options.validate()
    return options
  }

  /// Lines for the run's header: what is in use, and what changes it.
  /// - Throws: as `options`.
  public func header() throws -> [(name: String, value: String)] {
    let options = try settings.values
    var lines: [(name: String, value: String)] = [("max-new-tokens", "\(options.maximumNewTokens)")]
    if options.temperature > 0 {
      lines += [("temperature", "\(options.temperature)"), ("seed", "\(options.seed)")]
      if let topK = options.topK { lines.append(("top-k", "\(topK)")) }
      if let topP = options.topP { lines.append(("top-p", "\(topP)")) }
    } else if options.beamCount > 1 {
      lines += [("num-beams", "\(options.beamCount)"), ("length-penalty", "\(options.lengthPenalty)")]
    } else {
      lines.append(("choice", "greedy"))
    }
    if options.repetitionPenalty != 1 { lines.append(("repetition-penalty", "\(options.repetitionPenalty)")) }
    return lines
  }
}
