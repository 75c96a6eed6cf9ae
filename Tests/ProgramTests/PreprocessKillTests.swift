import Carina
import Foundation
import TestSupport
import Testing

@Suite struct PreprocessKillTests {
  let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
    try PhantomArchive.write(count: 120, seed: 4, imageSize: 32, to: directory.file("archive"))
  }

  private func arguments(_ output: String) -> [String] {
    [
      "--json", directory.file("archive/stage2_train.json"), "--image-root", directory.file("archive"), "--output",
      directory.file(output), "--image-size", "48", "--shard-size", "6", "--split-by", "image", "--allow-known-leak",
      "carina", "--threads", "1",
    ]
  }

  private func contents(_ output: String) throws -> [String: Data] {
    let files = FileManager.default
    let names = try files.subpathsOfDirectory(atPath: directory.file(output)).filter { $0.contains(".") }
    return Dictionary(
      uniqueKeysWithValues: names.map { ($0, files.contents(atPath: directory.file(output) + "/" + $0) ?? Data()) })
  }

  @Test(
    "killed and interrupted at random moments, the same command goes on and ends in the bytes of a run that was not")
  func kill() throws {
    let started = Date()
    #expect(try ProgramRun("preprocess", arguments("whole")).exitCode == 0)
    let seconds = Date().timeIntervalSince(started)
    let expected = try contents("whole")
    #expect(expected.count > 15)
    var random = SeededGenerator(seed: 5, stream: "moments to kill at")
    for round in 0..<4 {
      _ = try ProgramRun("preprocess", arguments("killed"), killAfter: seconds * random.uniform(in: 0.1..<0.8))
      let left = try FileManager.default.contentsOfDirectory(atPath: directory.path)
      #expect(
        Set(left).isSubset(of: ["archive", "whole", "killed", "killed.partial", "killed.partial.done"]),
        "round \(round): \(left)")
    }
    let interrupted = try ProgramRun(
      "preprocess", arguments("killed"), interruptAfter: seconds * random.uniform(in: 0.2..<0.6))
    // A quick machine may be done by then, a slow one not listen yet.
    #expect([75, 0, 130].contains(interrupted.exitCode), "\(interrupted.errors)")
    let run = try ProgramRun("preprocess", arguments("killed"))
    #expect(run.exitCode == 0, "\(run.errors)")
    #expect(try contents("killed") == expected)
    #expect(!FileManager.default.fileExists(atPath: directory.file("killed.partial")))
  }
}
