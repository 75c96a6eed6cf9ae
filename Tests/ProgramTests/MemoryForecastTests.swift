import Carina
import Foundation
import TestSupport
import Testing

@Suite("Forecast of memory, programs") struct MemoryForecastTests {
  private let world: TrainingWorld
  private let run: TrainingOutput

  init() throws {
    world = try TrainingWorld.shared()
    run = try TrainingOutput()
  }

  /// The bytes of `memory: A at most (forecast B), of that C in buffers (forecast D)`.
  private func figures(_ text: String) throws -> [Double] {
    let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("memory: ") })
    let words = line.split(whereSeparator: { " (),".contains($0) })
    let figures = zip(words, words.dropFirst()).compactMap { number, unit -> Double? in
      guard let factor = ["KiB": 0x1p10, "MiB": 0x1p20, "GiB": 0x1p30][String(unit)] else { return nil }
      return Double(number).map { $0 * factor }
    }
    try #require(figures.count == 4, "\(line)")
    return figures
  }

  @Test(
    "the forecast is near the measured peak, of all memory and of the engine's buffers",
    arguments: [
      (1, ["--precision", "fp32"]), (1, ["--precision", "bf16"]),
      (2, ["--precision", "bf16", "--unfreeze-projection-layer"]),
      (2, ["--precision", "fp32", "--gradient-checkpointing"]),
      (2, ["--precision", "fp32", "--unfreeze-projection-layer", "--train-ve-first-epoch"]),
      (2, ["--precision", "fp32", "--lora-rank", "4"]),
      (2, ["--precision", "bf16", "--lora-rank", "4", "--lora-vision", "--lora-projector", "--lora-dropout", "0.1"]),
    ])
  func nearness(stage: Int, options: [String]) throws {
    let result = try world.train(
      stage: stage, output: run.path,
      ["--batch-size", "12", "--gradient-accumulation-steps", "1", "--max-steps", "2", "--no-shuffle"] + options)
    #expect(result.exitCode == 0, "\(result.errors)")
    let found = try figures(result.errors)
    #expect(abs(found[1] / found[0] - 1) < 0.25, "all: \(found)")
    #expect(abs(found[3] / found[2] - 1) < 0.15, "buffers: \(found)")
    let isOn = options.contains("--gradient-checkpointing")
    let said = "gradient-checkpointing  \(isOn ? "yes" : "no, as the memory allows")"
    #expect(result.errors.contains(said), "\(result.errors)")
  }

  @Test("what does not fit is refused with what would help, and nothing is written; the limit itself must make sense")
  func refusal() throws {
    let refused = try world.train(
      stage: 2, output: run.path, ["--memory-limit", "0.001", "--batch-size", "4", "--no-gradient-checkpointing"])
    #expect(refused.exitCode == 64, "\(refused.errors)")
    for text in ["does not fit", "smaller --batch-size", "--no-unfreeze-llm", "--precision bf16", "activations"] {
      #expect(refused.errors.contains(text), "\(text): \(refused.errors)")
    }
    #expect(try world.train(stage: 2, output: run.path, ["--memory-limit", "0"]).exitCode == 64)
    #expect(!FileManager.default.fileExists(atPath: run.path))
  }
}
