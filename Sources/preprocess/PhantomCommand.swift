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

  @Option(name: .long, help: "Images to draw.") var count: Int = 3000
  @Option(name: .long, help: "Equal seeds give equal archives.") var seed: UInt64 = 1
  @Option(name: .customLong("image-size"), help: "Pixels a side.") var imageSize: Int = 96
  @Option(name: .long, help: "The directory to write.") var output: String
  @Option(name: .customLong("val-fraction"), help: "Part of the images for validation.") var validation: Double = 0.05
  @Option(name: .customLong("test-fraction"), help: "Part of the images to hold out.") var test: Double = 0.15
  @Flag(name: .long, help: "In stage 2 also ask for the report of each image (answer type REPORT).") var reports = false
  @OptionGroup var global: GlobalOptions

  func run() throws {
    global.apply()
    let options = try PhantomArchive.Options(
      count: count, seed: seed, imageSize: imageSize,
      splits: PhantomSplits(validation: validation, test: test), reports: reports)
    writeRunHeader(
      "preprocess phantom",
      [
        ("count", "\(count)"), ("seed", "\(seed)"), ("image-size", "\(imageSize)"), ("output", output),
        ("val-fraction", "\(validation)"), ("test-fraction", "\(test)"), ("reports", "\(reports)"),
        ("threads", "\(ThreadTeam.count)"),
      ])
    Interruption.listen()
    let progress = ProgressLine("draw", unit: "images", total: count)
    let summary = try PhantomArchive.write(
      options, to: output, shouldStop: { Interruption.wasRequested }, progress: { progress.update($0) })
    progress.finish(count)
    for split in PhantomSplits.names where summary.images[split] ?? 0 > 0 {
      for stage in ["stage1", "stage2"] { try writeShards(stage, split) }
      printLine("\(split): \(summary.images[split] ?? 0) images, \(summary.questions[split] ?? 0) questions")
    }
    printLine("\(summary.patients) patients in \(output)")
  }

  private func writeShards(_ stage: String, _ split: String) throws {
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
