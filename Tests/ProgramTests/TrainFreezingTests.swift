import Carina
import Foundation
import TestSupport
import Testing

@Suite("Training programs, what is frozen") struct TrainFreezingTests {
  private let world: TrainingWorld
  private let run: TrainingOutput

  init() throws {
    world = try TrainingWorld.shared()
    run = try TrainingOutput()
  }

  /// Trains three steps and opens the result.
  private func train(_ stage: Int, _ extra: [String] = []) throws -> JoinedModelDirectory {
    let result = try world.train(
      stage: stage, output: run.path,
      ["--batch-size", "2", "--gradient-accumulation-steps", "1", "--max-steps", "3"] + extra)
    #expect(result.exitCode == 0, "\(result.errors)")
    let model = try JoinedModelDirectory(path: run.file("final_model"))
    // Whatever is trained, the sources stay as they are, and the parts are the ones that the manifest names.
    try model.verify()
    return model
  }

  private func expectDiffers(_ part: String, from source: String, everywhere: Bool) throws {
    let (differing, all) = try TrainingOutput.differingTensors(run.file("final_model/\(part)"), source)
    #expect(differing == (everywhere ? all : []), "\(part)")
  }

  @Test("stage 1 changes the projector and refers to the rest")
  func projectorOnly() throws {
    let before = try [world.vision, world.language].map {
      try Data(contentsOf: URL(fileURLWithPath: $0 + "/model.safetensors"))
    }
    let model = try train(1)
    #expect(model.manifest.visionEncoder.reference != nil && model.manifest.languageModel.reference != nil)
    #expect(!run.has("final_model/vision_encoder") && !run.has("final_model/language_model"))
    #expect(model.visionEncoder.path.hasSuffix("/vision") && model.languageModel.path.hasSuffix("/language"))
    try expectDiffers("projection_layer", from: world.projector, everywhere: true)
    let after = try [world.vision, world.language].map {
      try Data(contentsOf: URL(fileURLWithPath: $0 + "/model.safetensors"))
    }
    #expect(before == after)
  }

  @Test("stage 2 changes the language model, keeps the projector and refers to the vision encoder")
  func languageModelOnly() throws {
    let model = try train(2)
    #expect(model.manifest.visionEncoder.reference != nil && model.manifest.languageModel.reference == nil)
    #expect(!run.has("final_model/vision_encoder"))
    try expectDiffers("projection_layer", from: world.projector, everywhere: false)
    try expectDiffers("language_model", from: world.language, everywhere: true)
  }

  @Test("--train-ve-first-epoch changes the vision encoder in the first epoch and no longer")
  func visionInFirstEpoch() throws {
    let model = try train(2, ["--train-ve-first-epoch"])
    #expect(model.manifest.visionEncoder.reference == nil)
    let (differing, all) = try TrainingOutput.differingTensors(run.file("final_model/vision_encoder"), world.vision)
    #expect(!differing.isEmpty && differing.count > all.count / 2)
    try expectDiffers("projection_layer", from: world.projector, everywhere: false)

    // Twelve steps are an epoch. The schedule of both runs is that of 26 steps, so they agree until the shorter is stopped.
    let long = try TrainingOutput()
    let options = [
      "--train-ve-first-epoch", "--batch-size", "2", "--gradient-accumulation-steps", "1", "--max-steps", "26",
      "--num-epochs", "3", "--save-every-n-steps", "12",
    ]
    #expect(try world.train(stage: 2, output: long.path, options).exitCode == 0)
    let (short, _) = try TrainingOutput.stopped(
      by: "KILL", when: { "-e '\($0.file("checkpoints/step-12"))'" }, code: 137
    ) { try world.train(stage: 2, output: $0.path, options, shellPrefix: $1) }
    let checkpoint = short.file("checkpoints/step-12")
    let stored = try SafetensorsFile(path: "\(checkpoint)/trained.safetensors")
    let final = try SafetensorsFile(path: long.file("final_model/vision_encoder/model.safetensors"))
    var compared = 0
    for entry in final.entries {
      let matches = stored.entries.filter { $0.name.hasSuffix(entry.name) }
      guard let match = matches.first else { continue }
      #expect(try stored.tensor(named: match.name).values == final.tensor(named: entry.name).values, "\(entry.name)")
      compared += 1
    }
    #expect(compared == differing.count)
  }

  @Test("with the language model frozen only the projector is trained; with nothing to train the run is refused")
  func languageModelFrozen() throws {
    let model = try train(2, ["--no-unfreeze-llm", "--unfreeze-projection-layer"])
    #expect(model.manifest.languageModel.reference != nil)
    try expectDiffers("projection_layer", from: world.projector, everywhere: true)
    let other = try TrainingOutput()
    let refused = try world.train(stage: 2, output: other.path, ["--no-unfreeze-llm"])
    #expect(refused.exitCode == 64 && refused.errors.contains("--unfreeze-projection-layer"), "\(refused.errors)")
  }
}
