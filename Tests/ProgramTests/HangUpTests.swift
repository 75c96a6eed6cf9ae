import Carina
import Foundation
import TestSupport
import Testing

@Suite("Programs, a terminal that closes") struct HangUpTests {
  @Test("evaluate ends with 75 and goes on")
  func evaluation() throws {
    let tiny = try TinyEvaluation()
    func evaluate(_ prefix: String = "") throws -> ProgramRun {
      try ProgramRun(
        "evaluate",
        [
          "--checkpoint", tiny.checkpoint, "--shards", tiny.shards, "--output-dir", tiny.directory.file("scores"),
          "--precision", "fp32", "--max-new-tokens", "400", "--bootstrap", "20", "--batch-size", "1", "--limit", "8",
        ], shellPrefix: prefix)
    }
    let first = tiny.directory.file("scores/evaluation.partial/true.jsonl")
    let run = try evaluate("( while [ ! -s '\(first)' ]; do sleep 0.02; done; kill -HUP $$; kill -HUP $$ ) &")
    #expect(run.exitCode == 75, "\(run.errors)")
    let again = try evaluate()
    #expect(again.exitCode == 0 && again.errors.contains("going on after"), "\(again.errors)")
  }

  @Test("preprocess ends with 75 and goes on")
  func preprocessing() throws {
    let directory = try TemporaryDirectory()
    try PhantomArchive.write(count: 120, seed: 4, imageSize: 32, to: directory.file("archive"))
    for round in 0..<8 {
      let output = directory.file("shards-\(round)")
      func preprocess(_ prefix: String = "") throws -> ProgramRun {
        try ProgramRun(
          "preprocess",
          [
            "--json", directory.file("archive/stage2_train.json"), "--image-root", directory.file("archive"),
            "--output", output, "--image-size", "48", "--shard-size", "4", "--threads", "1",
          ], shellPrefix: prefix)
      }
      let run = try preprocess(
        """
        ( n=0; while kill -0 $$ && [ ! -e '\(output).partial/progress/000001.json' ] && [ $n -lt 6000 ]; do \
        sleep 0.005; n=$((n+1)); done; kill -HUP $$ ) 2>/dev/null &
        """)
      // A quick machine may be done by then.
      if run.exitCode == 0 { continue }
      #expect(run.exitCode == 75, "\(run.errors)")
      let again = try preprocess()
      #expect(again.exitCode == 0, "\(again.errors)")
      return
    }
    Issue.record("no signal came in time")
  }
}
