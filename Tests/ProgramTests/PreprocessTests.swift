import Carina
import Foundation
import TestSupport
import Testing

@Suite struct PreprocessTests {
  let directory: TemporaryDirectory

  /// A tiny archive of generated radiographs.
  init() throws {
    directory = try TemporaryDirectory()
    try PhantomArchive.write(count: 12, seed: 3, imageSize: 32, to: directory.file("archive"))
  }

  private func preprocess(_ extra: [String], prefix: String = "") throws -> ProgramRun {
    try ProgramRun(
      "preprocess",
      [
        "--json", directory.file("archive/stage2_train.json"), "--image_root", directory.file("archive"),
        "--output", directory.file("shards"), "--image-size", "32",
      ] + extra, shellPrefix: prefix)
  }

  @Test("records and images become shards; inspect describes and verify confirms them")
  func pipeline() throws {
    let run = try preprocess(["--split", "train", "--threads", "1"])
    #expect(run.exitCode == 0, "\(run.errors)")
    #expect(run.errors.contains("image-size") && run.errors.contains("images,"))
    let shards = try ShardDirectory(directory.file("shards"))
    #expect(shards.imageCount > 5 && shards.manifest.split == "train")
    #expect(run.output.contains("\(shards.imageCount) images, \(shards.sampleCount) samples in 1 shards"))
    let inspect = try ProgramRun("preprocess", ["inspect", directory.file("shards")])
    #expect(inspect.exitCode == 0 && inspect.output.contains("32 x 32 pixels"))
    let look = directory.file("look")
    let drawn = try ProgramRun("preprocess", ["inspect", directory.file("shards"), "--output", look])
    #expect(drawn.exitCode == 0 && drawn.output.hasPrefix(inspect.output), "\(drawn.errors)")
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: look).sorted() == ["contact-sheet.png", "inspection.html"])
    #expect(try ProgramRun("preprocess", ["verify", directory.file("shards")]).exitCode == 0)
    let file = directory.file("shards/shard-00000.h5")
    var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
    bytes[bytes.count - 1] ^= 1
    try bytes.write(to: URL(fileURLWithPath: file))
    let damaged = try ProgramRun("preprocess", ["verify", directory.file("shards")])
    #expect(damaged.exitCode == 65 && damaged.errors.contains("shard-00000.h5"))
  }

  @Test("splits are written by one command, an audit of them is clean, and one with itself is not")
  func splitsAndAudit() throws {
    let run = try preprocess(["--split-by", "patient", "--fractions", "a=0.5,b=0.5", "--aspect", "pad"])
    #expect(run.exitCode == 0, "\(run.errors)")
    let (first, second) = (directory.file("shards/a"), directory.file("shards/b"))
    #expect(try ShardDirectory(first).transform.aspect == .pad)
    let clean = try ProgramRun("preprocess", ["audit", first, second])
    #expect(clean.exitCode == 0 && clean.output.contains("patients in several: 0"), "\(clean.errors)")
    let sheet = directory.file("pairs.png")
    #expect(try ProgramRun("preprocess", ["audit", first, first, "--sheet", sheet]).exitCode == 65)
    #expect(FileManager.default.fileExists(atPath: sheet))
    let look = try ProgramRun("preprocess", ["inspect", directory.file("shards"), "--output", directory.file("look")])
    #expect(look.output.contains("contact-sheet-a.png, contact-sheet-b.png"), "\(look.errors)")
    #expect(try ProgramRun("preprocess", ["audit", first]).exitCode == 64)
    for extra in [
      ["--split-by", "x"], ["--split-by", "patient", "--fractions", "a=2"], ["--allow-known-leak", "slake"],
    ] {
      #expect(try preprocess(extra).exitCode == 64, "\(extra)")
    }
  }

  @Test("help has an example, version is a version, wrong usage is 64")
  func usage() throws {
    for command in [[], ["inspect"], ["verify"], ["shards"], ["audit"]] {
      let help = try ProgramRun("preprocess", command + ["--help"])
      #expect(help.exitCode == 0 && help.output.contains("Example: preprocess"), "\(command)")
    }
    #expect(try ProgramRun("preprocess", ["--version"]).output == CarinaVersion.current + "\n")
    for extra in [
      ["--no-such"], ["--image-size", "0"], ["--threads", "0"], ["--format", "x"], ["--window", "x"], ["--limit", "0"],
    ] {
      let run = try preprocess(extra)
      #expect(run.exitCode == 64, "\(extra): \(run.errors)")
    }
    #expect(try ProgramRun("preprocess", ["--json", "x"]).exitCode == 64)
    #expect(!FileManager.default.fileExists(atPath: directory.file("shards")))
  }

  @Test("missing, damaged and unwritable things have their exit codes and leave nothing half-written")
  func failures() throws {
    func code(_ arguments: [String: String], prefix: String = "") throws -> (Int, String) {
      let defaults = [
        "--json": directory.file("archive/stage2_train.json"), "--image-root": directory.file("archive"),
        "--output": directory.file("shards"), "--image-size": "32",
      ]
      let all = defaults.merging(arguments) { $1 }.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] }
      let run = try ProgramRun("preprocess", all, shellPrefix: prefix)
      return (run.exitCode, run.errors)
    }
    #expect(try code(["--json": directory.file("none.json")]).0 == 66)
    #expect(try code(["--image-root": directory.file("none")]).0 == 66)
    try AtomicFile.write("{\"no\": 1}", to: directory.file("broken.json"))
    let broken = try code(["--json": directory.file("broken.json")])
    #expect(broken.0 == 65 && broken.1.contains("broken.json, line 1, sample 0") && broken.1.contains("\"image\""))
    #expect(try code(["--image-root": directory.path]).0 == 65)
    #expect(try code(["--output": "/proc/shards"]).0 == 73)
    // A disk without room, as the shell's limit on file size gives it.
    let full = try code(["--image-size": "384"], prefix: "ulimit -f 100;")
    #expect(full.0 == 73, "\(full)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted() == ["archive", "broken.json"])
    #expect(try ProgramRun("preprocess", ["inspect", directory.path]).exitCode == 66)
  }
}
