import ArgumentParser
import Carina
import CommandOptions

/// `preprocess audit`: what several shard directories share.
struct AuditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "Compare shard directories by patient, by pixels and by likeness.",
    discussion: """
      Example: preprocess audit shards/train shards/test

      Shared patients and identical pixels end it with exit code 65; pictures that only look alike are listed for a \
      person to judge.
      """)

  @Argument(help: "Two or more shard directories.") var directories: [String]
  @Option(AuditSettingList.declared.maximumDistance) var maxDistance: Int
  @Option(AuditSettingList.declared.show) var show: Int
  @Option(name: .long, help: ArgumentHelp("Draw the pairs side by side on a PNG.", valueName: "file"))
  var sheet: String?
  @OptionGroup var global: GlobalOptions

  func run() throws {
    global.apply()
    let shards = try directories.map(ShardDirectory.init)
    let total = shards.reduce(0) { $0 + $1.imageCount }
    let progress = ProgressLine("audit", unit: "images", total: total)
    let audit = try ShardAudit(shards, maximumDistance: maxDistance) { progress.update($0) }
    progress.finish(total)
    let more = audit.isCut ? "more than " : ""
    printLine("patients in several: \(audit.patients.count)")
    for patient in audit.patients.prefix(max(0, show)) {
      printLine("  \(patient.name): \(patient.directories.map { directories[$0] }.joined(separator: ", "))")
    }
    list("identical pixels", audit.identical, more)
    list("pictures alike", audit.similar, more)
    if audit.unnamedImages > 0 {
      printLine("\(audit.unnamedImages) images name no patient: nothing can be said of theirs")
    }
    if audit.plainImages > 0 { printLine("\(audit.plainImages) images are too plain to be compared by likeness") }
    if let sheet {
      let drawn = try ContactSheet.of(audit, in: shards, limit: 100)
      if drawn.count > 0 {
        try AtomicFile.write(try drawn.png(), to: sheet)
        printLine("drawn: \(drawn.count / 2) pairs in \(sheet)")
      } else {
        printLine("no pair to draw")
      }
    }
    guard audit.patients.isEmpty && audit.identical.isEmpty else {
      throw CarinaError(
        .badData, "the directories share \(audit.patients.count) patients and \(audit.identical.count) pairs of pixels",
        at: directories.joined(separator: ", "), remedy: "Split the records by patient.")
    }
  }

  private func list(_ name: String, _ pairs: [ShardAudit.Pair], _ more: String) {
    printLine("\(name): \(more)\(pairs.count) pairs")
    for pair in pairs.prefix(max(0, show)) {
      printLine(
        "  \(directories[pair.first.directory]) \(pair.first.image) | \(directories[pair.second.directory]) "
          + "\(pair.second.image) | \(pair.distance) bits")
    }
  }
}
