import Carina
import Foundation
import TestSupport
import Testing

@Suite struct EvaluateTests {
  private let tiny: TinyEvaluation

  init() throws { tiny = try TinyEvaluation() }

  private func evaluate(
    _ output: String, _ extra: [String] = [], from model: [String]? = nil, prefix: String = ""
  ) throws -> ProgramRun {
    try ProgramRun(
      "evaluate",
      (model ?? ["--checkpoint", tiny.checkpoint]) + [
        "--shards", tiny.shards, "--output-dir", tiny.directory.file(output), "--precision", "fp32",
        "--max-new-tokens", "5", "--bootstrap", "20", "--batch-size", "4",
      ] + extra, shellPrefix: prefix)
  }

  private func files(_ output: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: tiny.directory.file(output)).sorted()
  }

  @Test("writes predictions, metrics and a report, from a checkpoint and from its parts alike, twice the same bytes")
  func evaluation() throws {
    let arguments = ["--arms", "true,shuffled,blank", "--likelihood", "--limit", "10"]
    let run = try evaluate("one", arguments)
    #expect(run.exitCode == 0, "\(run.errors)")
    let expected = [
      "metrics.json", "predictions-blank.jsonl", "predictions-shuffled.jsonl", "predictions.jsonl", "report.html",
      "run.json",
    ]
    #expect(try files("one") == expected)
    let metrics = try MetricsFile.read(tiny.directory.file("one/metrics.json"))
    #expect(metrics.n == 10 && Set(metrics.arms.keys) == ["blank", "shuffled"])
    #expect(metrics.metrics["nll-per-token"] != metrics.arms["blank"]?["nll-per-token"])
    #expect(run.output.contains("closed-accuracy") && run.output.contains("With another image"))
    #expect(run.errors.contains("10 questions"))
    let page = String(decoding: tiny.bytes("one", "report.html"), as: UTF8.self)
    #expect(page.contains("data:image/png;base64,") && page.contains("With another image"))
    #expect(try PredictionsFile.read(tiny.directory.file("one/predictions.jsonl")).count == 10)

    let parts = [
      "--vision-model", tiny.checkpoint + "/vision_encoder", "--llm-path", tiny.checkpoint + "/language_model",
      "--projector-path", tiny.checkpoint + "/projection_layer", "--max-q-len", "64", "--max-a-len", "64",
    ]
    let again = try evaluate("two", arguments + ["--threads", "1"], from: parts)
    #expect(again.exitCode == 0, "\(again.errors)")
    for name in ["metrics.json", "predictions.jsonl", "predictions-shuffled.jsonl", "predictions-blank.jsonl"] {
      #expect(tiny.bytes("one", name) == tiny.bytes("two", name), "\(name)")
    }
    let scored = try ProgramRun(
      "evaluate",
      [
        "--predictions", tiny.directory.file("one/predictions.jsonl"), "--output_dir", tiny.directory.file("three"),
        "--bootstrap", "20",
      ])
    #expect(scored.exitCode == 0, "\(scored.errors)")
    #expect(try MetricsFile.read(tiny.directory.file("three/metrics.json")).metrics == metrics.metrics)
    #expect(tiny.bytes("three", "predictions.jsonl") == tiny.bytes("one", "predictions.jsonl"))
  }

  @Test("an evaluation that ran out of room goes on when there is room, and ends with the bytes of a smooth one")
  func resuming() throws {
    #expect(try evaluate("smooth").exitCode == 0)
    let full = try evaluate("broken", prefix: "ulimit -f 8;")
    #expect(full.exitCode == 73, "\(full.errors)")
    #expect(try files("broken") == ["evaluation.partial"])
    let other = try evaluate("broken", ["--seed", "3"])
    #expect(other.exitCode == 64 && other.errors.contains("evaluation.partial"))
    let again = try evaluate("broken")
    #expect(again.exitCode == 0 && again.errors.contains("going on after"), "\(again.errors)")
    #expect(try files("broken") == ["metrics.json", "predictions.jsonl", "report.html", "run.json"])
    for name in ["metrics.json", "predictions.jsonl"] {
      #expect(tiny.bytes("smooth", name) == tiny.bytes("broken", name), "\(name)")
    }
  }

  @Test("an interrupt ends it with 75 and what is needed to go on")
  func interrupt() throws {
    let first = tiny.directory.file("stopped/evaluation.partial/true.jsonl")
    let run = try evaluate(
      "stopped", ["--max-new-tokens", "400", "--batch-size", "1"],
      prefix: "( while [ ! -s '\(first)' ]; do sleep 0.02; done; kill -INT $$ ) &")
    #expect(run.exitCode == 75, "\(run.errors)")
    #expect(run.errors.contains("Give the same command again"))
    #expect(try files("stopped") == ["evaluation.partial"])
  }

  @Test("the verdict over expectations decides the exit code; curves of training logs are drawn")
  func verdict() throws {
    func expected(_ text: String) throws -> [String] {
      try AtomicFile.write(text, to: tiny.directory.file("expected.json"))
      return ["--limit", "4", "--expected", tiny.directory.file("expected.json")]
    }
    try AtomicFile.write(
      "{\"step\": 1, \"loss\": 3.5}\n{\"step\": 2, \"loss\": 3.25}\n", to: tiny.directory.file("log.jsonl"))
    let good = try evaluate(
      "good",
      try expected("{\"metrics\": {\"exact-match\": {\"minimum\": 0}}}")
        + ["--train-logs", "stage 1=\(tiny.directory.file("log.jsonl"))"])
    #expect(good.exitCode == 0 && good.output.contains("Verdict: all 1 expectations hold"), "\(good.errors)")
    #expect(String(decoding: tiny.bytes("good", "report.html"), as: UTF8.self).contains("stage 1: 2 steps"))
    let bad = try evaluate("bad", try expected("{\"metrics\": {\"exact-match\": {\"minimum\": 2}}}"))
    #expect(bad.exitCode == 65 && bad.output.contains("Verdict: 1 of 1 expectations do NOT hold"))
    #expect(try files("bad") == ["metrics.json", "predictions.jsonl", "report.html", "run.json"])
  }

  @Test("wrong usage is 64, missing input 66, and nothing is written")
  func refusals() throws {
    for extra in [
      ["--arms", "shuffled"], ["--limit", "0"], ["--predictions", "x"], ["--prompt-style", "plain"], ["--x"],
      ["--bootstrap", "100000000000"], ["--threads", "100000"], ["--num-beams", "9223372036854775807"],
    ] {
      let run = try evaluate("none", extra)
      #expect(run.exitCode == 64, "\(extra): \(run.errors)")
    }
    #expect(try evaluate("none", from: []).exitCode == 64)
    #expect(try evaluate("none", from: ["--vision-model", tiny.checkpoint]).exitCode == 64)
    #expect(try evaluate("none", from: ["--checkpoint", tiny.directory.file("no")]).exitCode == 66)
    #expect(try evaluate("none", ["--train-logs", "a=b"]).exitCode == 66)
    #expect(!FileManager.default.fileExists(atPath: tiny.directory.file("none")))
    let help = try ProgramRun("evaluate", ["--help"])
    #expect(help.exitCode == 0 && help.output.contains("Example: evaluate --checkpoint"))
  }
}
