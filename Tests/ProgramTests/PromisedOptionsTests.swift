import TestSupport
import Testing

/// Scripts rely on these names, whatever else a program offers.
@Suite("Programs, the options that others rely on") struct PromisedOptionsTests {
  private static let generation = [
    "--max-new-tokens", "--num-beams", "--temperature", "--top-k", "--top-p", "--repetition-penalty",
    "--length-penalty",
    "--seed",
  ]
  private static let parts = ["--checkpoint", "--vision-model", "--llm-path", "--projector-path", "--prompt-style"]
  private static let training = [
    "--train-shards", "--val-shards", "--vision-model", "--llm", "--output-dir", "--batch-size",
    "--gradient-accumulation-steps", "--learning-rate", "--weight-decay", "--warmup-ratio", "--num-epochs",
    "--max-steps", "--max-grad-norm", "--precision", "--device", "--seed", "--no-shuffle", "--resume",
    "--save-every-n-steps",
    "--save-every-n-epochs", "--prompt-style", "--max-q-len", "--max-a-len", "--vision-feature", "--drop-first-patch",
  ]

  @Test(
    "every promised option is in the help of its program",
    arguments: [
      (
        ["preprocess", "shards"],
        [
          "--json", "--image-root", "--image-root-2", "--output", "--image-size", "--split", "--shard-size",
          "--workers", "--limit", "--max-rejected", "--frame",
        ]
      ),
      (["preprocess", "phantom"], ["--count", "--seed", "--image-size", "--output"]),
      (["train-stage1"], training + ["--init-projector", "--projector-hidden"]),
      (
        ["train-stage2"],
        training + [
          "--stage1-projector-path", "--train-ve-first-epoch", "--unfreeze-projection-layer", "--unfreeze-llm",
          "--no-unfreeze-llm", "--checkpoint", "--freeze-embeddings", "--standalone", "--lora-rank", "--lora-alpha",
          "--lora-dropout", "--lora-targets", "--rslora", "--lora-lr",
        ]
      ),
      (
        ["evaluate"],
        parts + generation + [
          "--shards", "--output-dir", "--limit", "--likelihood", "--arms", "--bootstrap", "--predictions",
          "--adapter",
        ]
      ),
      (
        ["infer", "answer"],
        parts + generation + ["--image-path", "--question", "--input", "--json", "--frame", "--adapter"]
      ),
      (["infer", "merge"], ["--checkpoint", "--adapter", "--output"]),
      (["infer", "tokenize"], ["--llm-path"]),
      (["infer", "export"], ["--as", "--checkpoint", "--output"]),
    ])
  func promised(command: [String], options: [String]) throws {
    let help = try ProgramRun(command[0], command.dropFirst() + ["--help"])
    #expect(help.exitCode == 0, "\(help.errors)")
    let words = Set(help.output.split { $0.isWhitespace || ",/[]()".contains($0) }.map(String.init))
    for option in options + ["--threads", "--log-level", "--version"] {
      #expect(words.contains(option), "\(command.joined(separator: " ")) has no \(option)")
    }
  }
}
