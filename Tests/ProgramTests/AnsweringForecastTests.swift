import Carina
import Foundation
import TestSupport
import Testing

@Suite("Forecast of memory, programs that answer") struct AnsweringForecastTests {
  private let tiny: TinyEvaluation

  init() throws { tiny = try TinyEvaluation() }

  private func evaluate(_ extra: [String]) throws -> ProgramRun {
    try ProgramRun(
      "evaluate",
      [
        "--checkpoint", tiny.checkpoint, "--shards", tiny.shards, "--output-dir", tiny.directory.file("out"),
        "--max-new-tokens", "4", "--bootstrap", "0",
      ] + extra)
  }

  private func infer(_ extra: [String], images: Int = 1) throws -> ProgramRun {
    let image = try #require(
      FileManager.default.contentsOfDirectory(atPath: tiny.directory.file("archive/images")).sorted().first)
    let path = tiny.directory.file("archive/images/\(image)")
    return try ProgramRun(
      "infer",
      ["--checkpoint", tiny.checkpoint, "--max-new-tokens", "4"]
        + (extra.contains("--input") ? [] : ["--image-path", path, "--question", "Is the heart enlarged?"]) + extra)
  }

  /// The bytes of `memory: A at most (forecast B), of that C in buffers (forecast D)`.
  private func figures(_ text: String) throws -> [Double] {
    let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("memory: ") }, "\(text)")
    let words = line.split(whereSeparator: { " (),".contains($0) })
    return zip(words, words.dropFirst()).compactMap { number, unit -> Double? in
      guard let factor = ["KiB": 0x1p10, "MiB": 0x1p20, "GiB": 0x1p30][String(unit)] else { return nil }
      return Double(number).map { $0 * factor }
    }
  }

  @Test(
    "the header forecasts the memory by parts, and the peak is near it",
    arguments: [
      ["--precision", "fp32", "--batch-size", "16"], ["--precision", "bf16", "--batch-size", "1", "--likelihood"],
      ["--precision", "bf16", "--batch-size", "16", "--weights", "int8", "--vision-weights", "int8"],
    ])
  func nearness(options: [String]) throws {
    let run = try evaluate(options)
    #expect(run.exitCode == 0, "\(run.errors)")
    for text in ["  memory ", "at most: weights", "keys and values", "program", "  packed weights "] {
      #expect(run.errors.contains(text), "\(text): \(run.errors)")
    }
    let found = try figures(run.errors)
    try #require(found.count == 4)
    #expect(abs(found[1] / found[0] - 1) < 0.25, "\(found)")
  }

  @Test("what does not fit is refused with what would help, before weights are read, and nothing is answered")
  func refusal() throws {
    let refused = try evaluate(["--memory-limit", "0.001", "--precision", "fp32"])
    #expect(refused.exitCode == 64 && refused.output.isEmpty, "\(refused.errors)")
    for text in [
      "does not fit", "weights", "smaller --batch-size", "--precision bf16", "--weights int8", "--vision-weights int8",
      "--memory-limit where",
    ] {
      #expect(refused.errors.contains(text), "\(text): \(refused.errors)")
    }
    #expect(!FileManager.default.fileExists(atPath: tiny.directory.file("out/predictions.jsonl")))
    let one = try infer(["--memory-limit", "0.001", "--weights", "int8"])
    #expect(one.exitCode == 64 && one.output.isEmpty && one.errors.contains("does not fit"), "\(one.errors)")
    #expect(!one.errors.contains("--batch-size") && !one.errors.contains("--weights int8"), "\(one.errors)")
    for run in [try infer(["--memory-limit", "0"]), try evaluate(["--memory-limit", "0"])] {
      #expect(run.exitCode == 64 && run.errors.contains("--memory-limit"), "\(run.errors)")
    }
  }

  @Test("one question has its forecast in the header, a file of them the peak beside it in the end too")
  func questions() throws {
    let one = try infer([])
    #expect(one.exitCode == 0 && one.errors.contains("  memory "), "\(one.errors)")
    #expect(one.errors.contains("packed weights") && !one.errors.contains("\nmemory: "), "\(one.errors)")
    let image = try #require(
      FileManager.default.contentsOfDirectory(atPath: tiny.directory.file("archive/images")).sorted().first)
    let lines = (0..<3).map { "{\"image\": \"\(image)\", \"question\": \"Is it number \($0)?\"}\n" }.joined()
    try AtomicFile.write(lines, to: tiny.directory.file("questions.jsonl"))
    let run = try infer([
      "--input", tiny.directory.file("questions.jsonl"), "--image-root", tiny.directory.file("archive/images"),
      "--batch-size", "2",
    ])
    #expect(run.exitCode == 0, "\(run.errors)")
    #expect(try figures(run.errors).count == 4)
  }
}
