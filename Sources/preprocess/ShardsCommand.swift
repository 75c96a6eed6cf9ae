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

      A record's "image" is a path, or a list of up to 8 that are shown together, such as a current radiograph and a prior one.

      Writes shard-00000.h5 …, manifest.json, rejected.jsonl and remarks.jsonl. Equal input gives equal bytes, whatever the number of \
      workers or parts. Until it is whole the output is OUTPUT.partial; the same command goes on from there. docs/preprocess.md describes the layouts of --format and the options that go with them.
      """)

  @Option(name: .long, help: "Records: a JSON list or JSON Lines, or the table or directory that --format names.")
  var json: String
  @Option(name: .customLong("image-root"), help: "Directory in which images are looked up.") var imageRoot: String
  @Option(name: .customLong("image-root-2"), help: "A second one, for what the first does not have.")
  var secondImageRoot: String?
  @Option(name: .long, help: "The shard directory to write.") var output: String
  @OptionGroup var records: SettingOptions<SectionOffers.Records>
  @OptionGroup var size: SettingOptions<SectionOffers.ImageSize>
  @OptionGroup var division: SettingOptions<WholeOffer<SplitSettingList>>
  @OptionGroup var shards: SettingOptions<SectionOffers.Common<PreprocessSettingList>>
  @OptionGroup var pixels: SettingOptions<SectionOffers.Common<ImageSettingList>>
  @OptionGroup var archive: SettingOptions<WholeOffer<ArchiveSettingList>>
  @OptionGroup var download: DownloadOptions
  @OptionGroup var global: GlobalOptions

  func run() throws {
    global.apply()
    var images = try size.values
    try pixels.apply(to: &images)
    let prepared = try PreparedImages(images)
    var options = PreprocessOptions(
      records: json, imageRoots: [imageRoot] + (secondImageRoot.map { [$0] } ?? []), output: output,
      transform: try images.transform(prepared.transform))
    try records.apply(to: &options.settings)
    try shards.apply(to: &options.settings)
    try archive.apply(to: &options.archive)
    let division = try division.values
    options.split = division.split
    options.splits = try division.plan(for: options.format)
    options.workers = options.workers ?? ThreadTeam.count
    writeRunHeader(
      "preprocess",
      [("json", json), ("image-root", options.imageRoots.joined(separator: ", ")), ("output", output)]
        + headerLines(options.settings.texts + prepared.texts(of: images) + division.texts + options.archive.texts)
        + [("transform", options.transform.id)])
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
    let allSplits = options.splits != nil && options.split == nil
    switch try Preprocessor.runPart(options, allSplits: allSplits) {
    case .complete(let summaries):
      for summary in summaries {
        report(summary, allSplits ? "\(output)/\(summary.manifest.split)" : output, isConfined: options.isConfined)
      }
    case .waiting(let finished, let all):
      printLine("part \(options.part) is done; \(finished) of \(all) shards are there, \(output) follows when all are")
    }
  }

  private func remark(_ count: Int, _ what: String, _ first: [String], _ output: String) {
    guard count > 0 else { return }
    printLine("\(count) images \(what); listed in \(output)/remarks.jsonl; the first:")
    for line in first { printLine("  \(line)") }
  }

  private func report(_ summary: PreprocessSummary, _ output: String, isConfined: Bool) {
    let manifest = summary.manifest
    if !summary.counts.isEmpty { printLine("found: \(summary.counts.map(\.description).joined(separator: ", "))") }
    for remark in summary.remarks { printLine("note: \(remark)") }
    printLine("\(manifest.images) images, \(manifest.samples) samples in \(manifest.shards.count) shards in \(output)")
    if manifest.rejectedSamples > 0 {
      printLine(
        "left out: \(manifest.rejectedImages) images, \(manifest.rejectedSamples) samples, listed in "
          + "\(output)/rejected.jsonl; the first:")
      for line in summary.firstRejections { printLine("  \(line)") }
    }
    remark(
      manifest.suspectedInversions, "may be inverted (upper corners brighter than the centre); none was changed",
      summary.firstInversions, output)
    remark(
      manifest.orientationTags, "have a tag that says they are not upright; none was turned", summary.firstOrientations,
      output)
    remark(
      manifest.fileRemarks, "are stored in an odd way, or are one frame of several", summary.firstFileRemarks, output)
    if summary.imagesOutsideRoots > 0 {
      printLine(
        "\(summary.imagesOutsideRoots) images lie outside the image roots (absolute paths, .. or links)"
          + "\(isConfined ? "" : "; --confine rejects them"); the first:")
      for name in summary.firstOutsideRoots { printLine("  \(name)") }
    }
    if summary.imagesWithoutPatient > 0 {
      printLine(
        "\(summary.imagesWithoutPatient) images name no patient: overlap between splits cannot be seen for them")
    }
  }
}
