import Carina
import Foundation

/// A command line in which `--config` and `--presets` are written out: what they stand for comes first, so that what a
/// person wrote decides.
struct ExpandedCommand {
  /// The command line for the parser; as it was where it has neither of the two.
  private(set) var words: [String]
  /// What the two stand for.
  private(set) var remarks: [String] = []
  /// The words that repeat this command without the record that it was made from; nil where it is as it was.
  private(set) var resolved: [String]?

  private static let programs = ["train-stage0", "train-stage1", "train-stage2"]
  /// What belongs to one run and not to its repetition.
  private static let ownOptions = ["output-dir", "resume", "dump-tokens", "config"]
  private static let ownSwitches = ["--resume-anyway", "--config-anyway", "--dry-run"]
  /// Options whose values may be paths that were meant from the recorded directory.
  private static let pathOptions = [
    "train-shards", "val-shards", "vision-model", "vision-model-name", "llm", "llm-name", "llm-path", "init-projector",
    "stage1-projector-path", "checkpoint", "cache-vision-features", "image-root", "image-root-2", "train-json",
    "val-json",
  ]

  /// - Parameter words: the command line with hyphens in the names of options.
  /// - Throws: `CarinaError` for a record that cannot be used, and for a preset that is not known or has nothing for the
  ///   program's stage.
  init(program: String, _ words: [String]) throws {
    self.words = words
    var given = RecipeArguments()
    given.append(words)
    guard Self.programs.contains(program), !words.contains("--help"), !words.contains("-h") else { return }
    var first: [String] = []
    if let path = given.value(of: "config") {
      let record = try RecordedRun(path)
      guard record.program == program else {
        throw CarinaError(
          .usage, "--config is the record of another program", at: record.path, expected: program,
          found: record.program, remedy: "Repeat it with \(record.program).")
      }
      first += Self.repeatable(record)
      remarks.append("\(record.path) stands for: \(first.joined(separator: " "))")
    }
    if let name = given.value(of: "presets") {
      let preset = try Self.preset(name, program, without: given)
      first += preset.words
      remarks.append("the preset \(name) stands for: \(preset.words.joined(separator: " ")), from \(preset.source)")
    }
    guard !first.isEmpty else { return }
    self.words = first + words
    var own = RecipeArguments()
    own.append(first + words)
    _ = own.remove(["config", "presets"])
    resolved = own.words.filter { $0 != "--config-anyway" }
  }

  private static func preset(
    _ name: String, _ program: String, without given: RecipeArguments
  ) throws -> (words: [String], source: String) {
    guard let preset = TrainingPreset(rawValue: name) else {
      throw CarinaError(.usage, "--presets cannot be used", expected: TrainingPreset.names, found: name)
    }
    guard let options = preset.options(of: program) else {
      let able = programs.filter { preset.options(of: $0) != nil }.joined(separator: " and ")
      let others = TrainingPreset.allCases.filter { $0.options(of: program) != nil }.map(\.rawValue)
      throw CarinaError(
        .usage, "the preset \(name) has nothing for \(program)", expected: others.joined(separator: ", "),
        found: "\(name), whose values are for \(able)",
        remedy: "Choose one of this program's, or leave --presets out.")
    }
    // Whoever trains the whole language model wants no adapters.
    let isWhole = given.has("unfreeze-llm")
    let kept = options.filter { !(isWhole && $0.name.hasPrefix("lora-")) }
    return (kept.flatMap { option in ["--\(option.name)"] + (option.value.map { [$0] } ?? []) }, preset.source)
  }

  /// The recorded command without what belongs to that run alone, and with paths that mean the same from here.
  private static func repeatable(_ record: RecordedRun) -> [String] {
    var arguments = RecipeArguments()
    arguments.append(normalizedArguments(record.arguments))
    _ = arguments.remove(ownOptions)
    var words = arguments.words.filter { !ownSwitches.contains($0) }
    guard let directory = record.directory, directory != FileManager.default.currentDirectoryPath else { return words }
    func path(_ value: String) -> String {
      let absolute = "\(directory)/\(value)"
      return value.hasPrefix("/") || !FileManager.default.fileExists(atPath: absolute) ? value : absolute
    }
    for index in words.indices {
      let parts = words[index].split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts[0].hasPrefix("--"), pathOptions.contains(String(parts[0].dropFirst(2))) else { continue }
      if parts.count == 2 {
        words[index] = "\(parts[0])=\(path(String(parts[1])))"
      } else if index + 1 < words.count, !words[index + 1].hasPrefix("--") {
        words[index + 1] = path(words[index + 1])
      }
    }
    return words
  }
}
