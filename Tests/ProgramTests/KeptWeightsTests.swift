import Carina
import Foundation
import TestSupport
import Testing

/// `infer` and `evaluate` with 8-bit weights and vision features in files.
@Suite("Programs, kept weights and features") struct KeptWeightsTests {
  private let tiny: TinyJoinedModel

  init() throws { tiny = try TinyJoinedModel(seed: 8) }

  private func arguments(_ more: [String]) throws -> [String] {
    [
      "--checkpoint", tiny.path, "--image-path", try tiny.image(1), "--question", "is there an effusion?",
      "--max-new-tokens", "7",
    ] + more
  }

  @Test("8-bit weights are rounded once, also by two at once, and answers stay")
  func weights() throws {
    let path = tiny.file("int8.bin"), int8 = ["--weights", "int8"]
    let plain = try ProgramRun("infer", arguments(int8))
    #expect(plain.exitCode == 0, "\(plain.errors)")
    let kept = try arguments(int8 + ["--cache-int8-weights", path])
    let two = try (0..<2).map { _ in try LiveProgram("infer", kept) }
    for program in two { #expect(program.end() == 0, "\(program.errors)") }
    #expect(two.allSatisfy { $0.output == plain.output })
    let content = try Data(contentsOf: URL(fileURLWithPath: path))
    let mapped = try ProgramRun("infer", kept)
    #expect(mapped.exitCode == 0 && mapped.output == plain.output && !mapped.errors.contains("rounded to 8 bits"))
    try content.dropLast(70).write(to: URL(fileURLWithPath: path))
    let again = try ProgramRun("infer", kept)
    #expect(again.exitCode == 0 && again.output == plain.output && again.errors.contains("could not be used"))
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == content)
    let leftovers = try FileManager.default.contentsOfDirectory(atPath: FileName.directory(of: path))
      .filter { $0.hasPrefix("int8") }
    #expect(leftovers == ["int8.bin"])
  }

  @Test("a file for weights that are not rounded is refused, before a model is opened")
  func refused() throws {
    let run = try ProgramRun("infer", arguments(["--cache-int8-weights", tiny.file("int8.bin")]))
    #expect(run.exitCode == 64 && run.errors.contains("--weights int8"), "\(run.errors)")
    #expect(!FileManager.default.fileExists(atPath: tiny.file("int8.bin")))
  }

  @Test("infer keeps vision features, with the answer of a run without")
  func features() throws {
    let path = tiny.file("features.h5"), fp32 = ["--precision", "fp32"]
    let plain = try ProgramRun("infer", arguments(fp32))
    let kept = try arguments(fp32 + ["--cache-vision-features", path])
    for _ in 0..<2 {
      let run = try ProgramRun("infer", kept)
      #expect(run.exitCode == 0 && run.output == plain.output, "\(run.errors)")
    }
    let other = try ProgramRun("infer", arguments(["--precision", "bf16", "--cache-vision-features", path]))
    #expect(other.exitCode == 65 && other.errors.contains("another precision"), "\(other.errors)")
  }
}
