import ArgumentParser
import Carina
import CommandOptions

/// `preprocess`: records and images into a shard directory.
struct ShardsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "shards",
    abstract: "Decode, resize and store every image once, with its samples (the default).",
    discussion: """
      Example: preprocess --json train.json --image-root images --output shards/train

      Writes shard-00000.h5 …, manifest.json, rejected.jsonl and remarks.jsonl. Equal input gives equal bytes, whatever the number of \
      workers or parts. Until it is whole the output is OUTPUT.partial; the same command goes on from there. docs/preprocess.md describes the layouts of --format and the options that go with them.
      """)

  @Option(name: .long, help: "Records: a JSON list or JSON Lines, or the table or directory that --format names.")
  var json: String
  @Option(name: .customLong("image-root"), help: "Directory in which images are looked up.") var imageRoot: String
  @Option(name: .customLong("image-root-2"), help: "A second one, for what the first does not have.")
  var secondImageRoot: String?
  @Option(name: .long, help: "The shard directory to write.") var output: String
  @Option(name: .long, help: "Layout of the records: \(SampleFormat.allCases.map(\.rawValue).joined(separator: ", ")).")
  var format: SampleFormat = .carina
  @Option(PreprocessOptions.visionModel) var visionModel: String?
  @Option(PreprocessOptions.imageSize) var imageSize: Int?
  @Option(PreprocessOptions.resizeFilter) var resizeFilter: ResizeFilter?
  @Option(name: .long, help: "Split to take from the records, or its name where they do not say.") var split: String?
  @Option(
    name: .customLong("split-by"),
    help: "Divide by patient, study or image, or keep and check the given splits; without --split, all are written.")
  var splitBy: SplitUnit?
  @Option(name: .long, help: "Names and shares of the splits.")
  var fractions: String = "train=0.8,val=0.1,test=0.1"
  @Option(name: .customLong("split-seed"), help: "Equal seeds give equal splits.") var splitSeed: UInt64 = 1
  @Option(
    name: .customLong("allow-known-leak"),
    help: ArgumentHelp(
      "The --format whose leak between splits is known and wanted: no error then.", valueName: "format"))
  var allowKnownLeak: SampleFormat?
  @Option(PreprocessSettingList.declared.shardSize) var shardSize: Int
  @Option(name: .long, help: "Threads that decode (default: --threads).") var workers: Int?
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Make this share of the shards: 1/3, 2/3 and 3/3 on three machines with one output.", valueName: "i/n"))
  var part: ShardPart = .whole
  @Option(PreprocessSettingList.declared.limit) var limit: Int?
  @Option(PreprocessSettingList.declared.maxRejected) var maxRejected: Double
  @Option(
    name: .long,
    help: ArgumentHelp(
      "How more than 8 bits become 8: \(PixelPolicy.choices). Without it such images are rejected.", valueName: "policy"
    ))
  var window: PixelPolicy?
  @Option(name: .long, help: "Images that are not square: squash, pad (with black) or crop (to the middle).")
  var aspect: ImageTransform.Aspect = .squash
  @Option(name: .long, help: "keep: colour images stay colour. grey: they become luma.")
  var colour: ImageTransform.Colour = .keep
  @Option(name: .customLong("resize-order"), help: "Whose order of passes the resize follows: pillow-13, pillow-12.")
  var resizeOrder: PassOrder = .adaptive
  @Flag(
    name: .customLong("fast-decode"),
    help:
      "Decode large JPEGs at a fraction of their size: faster, other pixels by a grey level or so, another transform.")
  var fastDecode = false
  @OptionGroup var archive: ArchiveArguments
  @OptionGroup var global: GlobalOptions

  func run() throws {
    global.apply()
    let wanted = try PreparedImages(visionModel, size: imageSize, filter: resizeFilter)
    var options = PreprocessOptions(
      records: json, imageRoots: [imageRoot] + (secondImageRoot.map { [$0] } ?? []), output: output,
      transform: try wanted.transform.with(
        aspect: aspect, colour: colour, window: window, order: resizeOrder, fastDecode: fastDecode))
    options.format = format
    options.archive = archive.options
    options.split = split
    options.splits = try splitPlan()
    options.shardSize = shardSize
    options.part = part
    options.workers = workers ?? ThreadTeam.count
    options.limit = limit
    options.maxRejected = maxRejected
    writeRunHeader(
      "preprocess",
      [
        ("json", json), ("image-root", options.imageRoots.joined(separator: ", ")), ("output", output),
        ("format", format.rawValue),
      ] + wanted.header + [
        ("split", split ?? "as the records say"),
        ("split-by", splitBy.map { "\($0.rawValue), \(fractions), seed \(splitSeed)" } ?? "nothing"),
        ("allow-known-leak", allowKnownLeak?.rawValue ?? "none"), ("shard-size", "\(shardSize)"),
        ("part", "\(part)"), ("workers", "\(options.workers)"), ("limit", limit.map(String.init) ?? "none"),
        ("max-rejected", "\(maxRejected)"), ("window", window?.description ?? "none"), ("colour", colour.rawValue),
        ("aspect", aspect.rawValue),
        ("resize-order", resizeOrder.rawValue), ("fast-decode", "\(fastDecode)"), ("transform", options.transform.id),
      ] + archive.header)
    Interruption.listen()
    options.shouldStop = { Interruption.wasRequested }
    var progress: ProgressLine?
    options.progress = { done, total, rejected in
      let line = progress ?? ProgressLine("preprocess", unit: "images", total: total, startingAt: done)
      let note = rejected > 0 ? "\(rejected) rejected" : ""
      if progress == nil, done > 0 { writeToStandardError("\(done) of \(total) images were done before\n") }
      progress = line
      done == total ? line.finish(done, note: note) : line.update(done, note: note)
    }
    let allSplits = options.splits != nil && split == nil
    switch try Preprocessor.runPart(options, allSplits: allSplits) {
    case .complete(let summaries):
      for summary in summaries { report(summary, allSplits ? "\(output)/\(summary.manifest.split)" : output) }
    case .waiting(let finished, let all):
      print("part \(part) is done; \(finished) of \(all) shards are there, \(output) follows when all are")
    }
  }

  private func splitPlan() throws -> SplitPlan? {
    if let allowKnownLeak, allowKnownLeak != format {
      throw CarinaError(
        .usage, "--allow-known-leak names another format than --format", expected: format.rawValue,
        found: allowKnownLeak.rawValue)
    }
    return try splitBy.map {
      try SplitPlan($0, fractions: fractions, seed: splitSeed, allowsLeak: allowKnownLeak != nil)
    }
  }

  private func remark(_ count: Int, _ what: String, _ first: [String], _ output: String) {
    guard count > 0 else { return }
    print("\(count) images \(what); listed in \(output)/remarks.jsonl; the first:")
    for line in first { print("  \(line)") }
  }

  private func report(_ summary: PreprocessSummary, _ output: String) {
    let manifest = summary.manifest
    if !summary.counts.isEmpty { print("found: \(summary.counts.map(\.description).joined(separator: ", "))") }
    for remark in summary.remarks { print("note: \(remark)") }
    print("\(manifest.images) images, \(manifest.samples) samples in \(manifest.shards.count) shards in \(output)")
    if manifest.rejectedSamples > 0 {
      print(
        "left out: \(manifest.rejectedImages) images, \(manifest.rejectedSamples) samples, listed in "
          + "\(output)/rejected.jsonl; the first:")
      for line in summary.firstRejections { print("  \(line)") }
    }
    remark(
      manifest.suspectedInversions, "may be inverted (upper corners brighter than the centre); none was changed",
      summary.firstInversions, output)
    remark(
      manifest.orientationTags, "have a tag that says they are not upright; none was turned", summary.firstOrientations,
      output)
    if summary.imagesWithoutPatient > 0 {
      print(
        "\(summary.imagesWithoutPatient) images name no patient: overlap between splits cannot be seen for them")
    }
  }
}

extension SampleFormat: @retroactive ExpressibleByArgument {}
extension ShardPart: @retroactive ExpressibleByArgument {
  /// Reads `I/N`.
  public init?(argument: String) { self.init(text: argument) }
}
extension SplitUnit: @retroactive ExpressibleByArgument {}
extension PassOrder: @retroactive ExpressibleByArgument {}
extension ImageTransform.Aspect: @retroactive ExpressibleByArgument {}
extension ImageTransform.Colour: @retroactive ExpressibleByArgument {}
