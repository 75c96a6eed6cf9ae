import Carina
import Foundation
import TestSupport
import Testing

@Suite("Training programs, before the first step") struct TrainDryRunTests {
  private let world: TrainingWorld

  init() throws { world = try TrainingWorld.shared() }

  @Test("a dry run says steps and tokens, shows samples as the model reads them, and writes nothing")
  func dryRun() throws {
    let run = try TrainingOutput()
    let result = try world.train(
      stage: 2, output: run.path,
      [
        "--batch-size", "2", "--gradient-accumulation-steps", "3", "--num-epochs", "2", "--warmup-steps", "2",
        "--lr-schedule", "linear", "--no-shuffle", "--dry-run", "--dump-tokens", "2", "--cache-vision-features",
        run.file("features.h5"),
      ])
    #expect(result.exitCode == 0, "\(result.errors)")
    #expect(!FileManager.default.fileExists(atPath: run.path) && !run.has("features.h5"))
    let header = result.errors.split(separator: "\n")
    #expect(header.contains { $0.contains("steps ") && $0.hasSuffix(" 8, 4 an epoch; 2 of warm-up, then linear") })

    let shards = try ShardDirectory(world.questions)
    let renderer = try PromptRenderer(
      tokenizer: TokenizerFactory.load(directory: world.language), style: .gemma, maximumQuestionTokens: 128,
      maximumAnswerTokens: 512)
    let prompts = try (0..<24).map { index in
      let sample = shards.sample(index)
      return try renderer.training(question: sample.question, answer: sample.answer)
    }
    let positions = prompts.reduce(0) { $0 + $1.count + 4 }, predicted = prompts.reduce(0) { $0 + $1.supervisedCount }
    #expect(result.errors.contains("\(positions) positions an epoch, \(predicted) of them predicted ("))

    let lines = result.output.split(separator: "\n").map { $0.split(separator: " ") }
    let starts = lines.indices.filter { lines[$0].first == "sample" }
    try #require(starts.count == 2)
    for (number, start) in starts.enumerated() {
      let end = number == 0 ? starts[1] : lines.count, prompt = prompts[number]
      let tokens = lines[start + 1..<end].filter { $0[1] != "image" }
      #expect(tokens.compactMap { Int($0[1]) } == prompt.tokensBeforeImage + prompt.tokensAfterImage)
      #expect(tokens.filter { $0[2] == "*" }.count == prompt.supervisedCount)
      let images = lines[start + 1..<end].filter { $0[1] == "image" }
      #expect(images.count == 1 && images.first?.first == "\(prompt.tokensBeforeImage.count)")
      // An image of 32 pixels has four patches of 16.
      #expect(tokens.last.flatMap { $0.first.flatMap { Int($0) } } == prompt.count + 4 - 1)
    }
  }

  @Test("no sample is no number of samples to show", arguments: ["0", "-3"])
  func refusal(count: String) throws {
    let run = try TrainingOutput()
    let result = try world.train(stage: 1, output: run.path, ["--dump-tokens=\(count)"])
    #expect(result.exitCode == 64 && result.errors.contains("--dump-tokens"), "\(result.errors)")
    #expect(!FileManager.default.fileExists(atPath: run.path))
  }
}
