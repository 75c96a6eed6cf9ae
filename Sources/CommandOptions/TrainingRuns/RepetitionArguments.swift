import ArgumentParser
import Carina

/// From what a training run is repeated, and how it is looked at: the options that decide no number.
public struct RepetitionArguments: ParsableArguments {
  /// Whether the run ends before its first step.
  @Flag(name: .long, help: "Say what the run would do, and stop before its first step; its directory is not made.")
  public var dryRun = false
  /// Published values under one name, which `ExpandedCommand` has written out.
  @Option(name: .long, help: ArgumentHelp(TrainingPreset.help, valueName: "name"))
  public var presets: String?
  /// The record of a run, which `ExpandedCommand` has written out.
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Repeat a run with the options of its record; options that are given count instead. Other data or weights than "
        + "it had are refused.", valueName: "run.json"))
  public var config: String?
  /// Whether a run is repeated with other data or weights.
  @Flag(name: .long, help: "Repeat a run although its data or weights are others than were recorded.")
  public var configAnyway = false
  /// Whether a page shows the run.
  @Flag(
    name: .long,
    help: "Show the run in live.html of the output directory, which a browser reads again while the run goes.")
  public var livePage = false

  /// The defaults.
  public init() {}

  /// The record of the run that is repeated; nil where none is.
  /// - Throws: as `RecordedRun`.
  public var record: RecordedRun? { get throws { try config.map { try RecordedRun($0) } } }

  /// Those that the command line gave.
  var givenNames: [String] {
    let given = [
      (dryRun, "dry-run"), (presets != nil, "presets"), (config != nil, "config"), (configAnyway, "config-anyway"),
      (livePage, "live-page"),
    ]
    return given.filter(\.0).map(\.1)
  }
}
