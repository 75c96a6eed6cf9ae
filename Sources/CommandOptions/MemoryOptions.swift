import ArgumentParser
import Carina

/// How much memory a program that answers may plan for.
public struct MemoryOptions: ParsableArguments {
  /// The limit.
  @OptionGroup public var settings: SettingOptions<SectionOffers.MemoryLimit>

  /// The defaults.
  public init() {}

  /// Writes what the command line gave into what a model will be asked.
  /// - Throws: `CarinaError.usage` for a limit that is none.
  public func apply(to demand: inout AnswerDemand) throws {
    let values = try settings.values
    try values.validate()
    demand.memoryLimit = values.memoryLimit
  }
}
