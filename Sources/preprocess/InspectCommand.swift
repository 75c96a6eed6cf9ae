import ArgumentParser
import Carina
import CommandOptions
import Foundation

/// `preprocess inspect`: what shard directories hold.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Print what shard directories hold; with --output also draw it.",
    discussion: """
      Example: preprocess inspect shards/train --output looking --tokenizer models/gemma

      With --output: contact-sheet.png (of several directories contact-sheet-SPLIT.png) and inspection.html, which loads \
      nothing from elsewhere: images as a model sees them, intensities, question types, lengths in \
      words and, with --tokenizer, in tokens beside the limits of training.
      """)

  @Argument(help: "Shard directories, or a directory of splits.") var directories: [String]
  @Option(AuditSettingList.declared.show.worded("How many samples to show.", defaultValue: 3)) var show: Int
  @Option(name: .long, help: ArgumentHelp("Where the contact sheets and the page go.", valueName: "dir"))
  var output: String?
  @Option(name: .long, help: "How many images are drawn, of each directory.") var images: Int = 48
  @Option(
    name: [.long, .customLong("llm"), .customLong("llm-path")],
    help: ArgumentHelp("Directory with a tokenizer, to count tokens.", valueName: "dir"))
  var tokenizer: String?
  @Option(PromptSettingList.declared.maximumQuestionTokens.worded("Most ids of a question in training."))
  var maximumQuestion: Int
  @Option(PromptSettingList.declared.maximumAnswerTokens.worded("Most ids of an answer in training."))
  var maximumAnswer: Int
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    guard images >= 1, maximumQuestion >= 1, maximumAnswer >= 1 else {
      throw ValidationError("--images, --max-q-len and --max-a-len must be at least 1.")
    }
    if output == nil, tokenizer != nil { throw ValidationError("--tokenizer needs --output: it counts for the page.") }
  }

  func run() throws {
    global.apply()
    let shards = try directories.flatMap(InspectCommand.splits).map(ShardDirectory.init)
    for directory in shards { print(try ShardSummary(directory).text(show: show)) }
    guard let output else { return }
    try OutputDirectory.require(output, outside: shards.map(\.path))
    var options = InspectionPage.Options()
    options.images = min(images, 48)
    options.tokenizer = try tokenizer.map {
      try TokenizerFactory.load(directory: ModelDirectory.locate($0, for: SettingName("tokenizer")).path)
    }
    options.maximumQuestionTokens = maximumQuestion
    options.maximumAnswerTokens = maximumAnswer
    try AtomicFile.write(try InspectionPage(shards, options: options).html(), to: output + "/inspection.html")
    var names = ["inspection.html"]
    for directory in shards {
      let split = directory.manifest.split
      var name = shards.count == 1 || !FileName.isSingle(split) ? "contact-sheet" : "contact-sheet-\(split)"
      if names.contains(name + ".png") { name += "-\(names.count)" }
      names.append(name + ".png")
      try AtomicFile.write(try ContactSheet.of(directory, count: images).png(), to: "\(output)/\(name).png")
    }
    printLine("drawn in \(output): \(names.joined(separator: ", "))")
  }

  /// A directory itself, or the splits in it when it is no shard directory but holds some.
  private static func splits(of directory: String) -> [String] {
    let files = FileManager.default
    func isShards(_ path: String) -> Bool { files.fileExists(atPath: path + "/manifest.json") }
    guard !isShards(directory) else { return [directory] }
    let parts = ((try? files.contentsOfDirectory(atPath: directory)) ?? []).sorted().map { directory + "/" + $0 }
      .filter(isShards)
    return parts.isEmpty ? [directory] : parts
  }
}
