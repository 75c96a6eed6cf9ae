import ArgumentParser
import Carina
import CommandOptions

/// `preprocess phantom`: generated radiographs with captions and questions, then their shards.
struct PhantomCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "phantom",
    abstract: "Draw chest radiographs from a parametric phantom, with captions and questions, and preprocess them.",
    discussion: """
      Example: preprocess phantom --count 3000 --seed 1 --image-size 96 --output data/phantom

      Writes images/*.png, stage1_{train,val,test}.json, stage2_{train,val,test}.json and the shard directories \
      shards/stage1-train and so on. Patients have one to three images and are in one split only. Equal options give \
      equal bytes.
      """)

  @OptionGroup var drawing: SettingOptions<SectionOffers.Common<PhantomSettingList>>
  @Option(name: .long, help: "The directory to write.") var output: String
  @OptionGroup var division: SettingOptions<SectionOffers.PhantomDivision>
  @OptionGroup var global: GlobalOptions

  func run() throws {
    global.apply()
    var settings = try drawing.values
    try division.apply(to: &settings)
    let options = try PhantomArchive.Options(settings)
    writeRunHeader(
      "preprocess phantom",
      headerLines(settings.texts) + [("output", output), ("threads", "\(ThreadTeam.count)")])
    Interruption.listen()
    let progress = ProgressLine("draw", unit: "images", total: options.count)
    let summary = try PhantomArchive.write(
      options, to: output, shouldStop: { Interruption.wasRequested }, progress: { progress.update($0) })
    progress.finish(options.count)
    for split in PhantomSplits.names where summary.images[split] ?? 0 > 0 {
      for stage in ["stage1", "stage2"] { try writeShards(stage, split, options.imageSize) }
      printLine("\(split): \(summary.images[split] ?? 0) images, \(summary.questions[split] ?? 0) questions")
    }
    printLine("\(summary.patients) patients in \(output)")
  }

  private func writeShards(_ stage: String, _ split: String, _ imageSize: Int) throws {
    var options = PreprocessOptions(
      records: "\(output)/\(stage)_\(split).json", imageRoots: [output], output: "\(output)/shards/\(stage)-\(split)",
      transform: try ImageTransform(size: imageSize))
    options.split = split
    options.workers = ThreadTeam.count
    options.maxRejected = 0
    options.shouldStop = { Interruption.wasRequested }
    _ = try Preprocessor.run(options)
  }
}
