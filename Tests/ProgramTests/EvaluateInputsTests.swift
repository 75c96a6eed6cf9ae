import Carina
import Foundation
import TestSupport
import Testing

@Suite("evaluate, its inputs") struct EvaluateInputsTests {
  private let tiny: TinyEvaluation

  init() throws { tiny = try TinyEvaluation() }

  private func evaluate(
    _ output: String, _ extra: [String] = [], from model: [String]? = nil, prefix: String = ""
  ) throws -> ProgramRun {
    try ProgramRun(
      "evaluate",
      (model ?? ["--checkpoint", tiny.checkpoint]) + [
        "--shards", tiny.shards, "--output-dir", output, "--precision", "fp32", "--max-new-tokens", "4",
        "--bootstrap", "0", "--batch-size", "4", "--limit", "8",
      ] + extra, shellPrefix: prefix)
  }

  @Test("an evaluation in the directory of an input is refused and writes nothing; one that holds its inputs is made")
  func overlap() throws {
    func files() throws -> [String] {
      try FileManager.default.subpathsOfDirectory(atPath: tiny.directory.path).sorted()
    }
    let before = try files()
    let parts = [
      "--vision-model", tiny.checkpoint + "/vision_encoder", "--llm-path", tiny.checkpoint + "/language_model",
      "--projector-path", tiny.checkpoint + "/projection_layer",
    ]
    for (output, model) in [
      (tiny.shards, nil), (tiny.shards + "/scores", nil), (tiny.checkpoint, nil), (tiny.checkpoint + "/a/b", nil),
      (tiny.checkpoint + "/language_model", parts), (tiny.checkpoint + "/vision_encoder/scores", parts),
      (tiny.checkpoint + "/projection_layer/../projection_layer", parts),
    ] {
      let run = try evaluate(output, from: model)
      #expect(run.exitCode == 64 && run.errors.contains(output), "\(output): \(run.errors)")
    }
    let kept = try evaluate(
      tiny.directory.file("scores"), ["--cache-vision-features", tiny.shards + "/features.h5"])
    #expect(kept.exitCode == 64 && kept.errors.contains("features.h5"), "\(kept.errors)")
    #expect(try files() == before)
    let above = try evaluate(tiny.directory.path)
    #expect(above.exitCode == 0, "\(above.errors)")
    #expect(try evaluate(tiny.checkpoint + "/scores", from: parts).exitCode == 0)
  }

  @Test("weights that are replaced while it answers end it with their name, and it scores nothing")
  func replacedWeights() throws {
    let weights = tiny.checkpoint + "/projection_layer/model.safetensors"
    let other = tiny.directory.file("other")
    try ModelDirectoryWriter.write(
      Projector(ProjectorConfig(inputSize: 16, hiddenSize: 32, outputSize: 24), from: RandomParameterSource(seed: 9)),
      to: other, type: .float32)
    let output = tiny.directory.file("scores"), first = output + "/evaluation.partial/true.jsonl"
    let run = try evaluate(
      output, ["--max-new-tokens", "400", "--batch-size", "1"],
      prefix: "( while [ ! -s '\(first)' ]; do sleep 0.005; done; mv '\(other)/model.safetensors' '\(weights)' ) &")
    #expect(run.exitCode == 65 && run.errors.contains(weights), "\(run.errors)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: output) == ["evaluation.partial"])
  }

  @Test("numbers of a checkpoint that cannot be are refused, and large ones are no trouble")
  func hugeNumbers() throws {
    let path = tiny.checkpoint + "/carina.json"
    let document = try #require(JSONValue.parseFile(path).object)
    for key in ["max_question_tokens", "max_answer_tokens"] {
      for (value, code) in [(Int.max, 0), (1 << 62, 0), (.min, 65), (0, 65), (-1, 65)] {
        var changed = document
        changed[key] = .integer(value)
        try AtomicFile.write(JSONValue.object(changed).serialized(), to: path)
        let run = try evaluate(tiny.directory.file("\(key)-\(value)"), ["--likelihood"])
        #expect(run.exitCode == code, "\(key) \(value): \(run.errors)")
      }
    }
  }
}
