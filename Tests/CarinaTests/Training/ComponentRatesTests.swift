import Foundation
import TestSupport
import Testing

import Carina

@Suite("Learning rates and gradient norms of components") struct ComponentRatesTests {
  private static let policy = FreezingPolicy(trainsProjector: true, trainsDecoder: true, trainsVisionInFirstEpoch: true)

  /// One step over four samples, and what it leaves.
  private func step(_ change: (inout TrainingSettings) -> Void) throws -> (
    model: VisionLanguageModel, report: StepReport
  ) {
    let model = try TrainingGoldenData.model()
    var settings = TrainingSettings()
    settings.batchSize = 4
    settings.warmupRatio = 0
    settings.learningRate = 1e-3
    change(&settings)
    let objective = try TrainingGoldenData().joint(model, policy: Self.policy)
    objective.rates = ComponentRates(settings)
    return (model, try Trainer(objective, settings: settings).trainStep())
  }

  private func values(_ parameters: [Parameter]) -> [[Float]] { parameters.map(\.trainedValue.values) }

  @Test("each component takes its own rate, below one schedule, and the others the run's")
  func rates() throws {
    let slow = try step { _ in }, fast = try step { $0.learningRate = 5e-3 }
    let mixed = try step {
      $0.projectorRate = 5e-3
      $0.visionRate = 5e-3
    }
    #expect(values(mixed.model.projector.parameters) == values(fast.model.projector.parameters))
    #expect(values(mixed.model.vision.parameters) == values(fast.model.vision.parameters))
    #expect(values(mixed.model.decoder.parameters) == values(slow.model.decoder.parameters))
    #expect(values(slow.model.projector.parameters) != values(fast.model.projector.parameters))
    #expect(mixed.report.learningRate == 1e-3 && fast.report.learningRate == 5e-3)
  }

  @Test("the norms of the components make up the whole, and stand in the log")
  func norms() throws {
    let (_, report) = try step { _ in }
    #expect(report.gradientNorms.map(\.component) == ["vision_encoder", "projector", "language_model"])
    let squares = report.gradientNorms.reduce(0) { $0 + $1.norm * $1.norm }
    expectClose([squares.squareRoot()], [report.gradientNorm], relative: 1e-12)
    #expect(report.gradientNorms.allSatisfy { $0.norm > 0 && $0.norm < report.gradientNorm })

    let directory = try TemporaryDirectory()
    let log = try TrainingLog(directory: directory.file("run"), lineCount: 0, byteCount: 0)
    var broken = report
    broken.gradientNorms.append(GradientNorms.Part(component: "adapters", norm: .nan))
    let line = try log.append(broken)
    let norms = try #require(line["grad_norms"]?.object)
    #expect(norms.map { $0.key } == ["vision_encoder", "projector", "language_model", "adapters"])
    #expect(norms["projector"]?.double == report.gradientNorms[1].norm && norms["adapters"]?.isNull == true)
    // Where a stage has no components, the log has no such key.
    broken.gradientNorms = []
    #expect(try log.append(broken)["grad_norms"] == nil)
  }

  @Test("a rate of 0 freezes its component; one above 0 wants a component that is trained")
  func frozen() throws {
    func options(_ policy: FreezingPolicy) -> JointTrainingOptions {
      JointTrainingOptions(
        trainShards: "s", visionModel: "v", languageModel: "l", outputDirectory: "o", policy: policy,
        promptStyle: .gemma)
    }
    var asked = options(Self.policy)
    asked.settings.projectorRate = 0
    asked.settings.visionRate = 0
    asked.freezeRestingComponents()
    #expect(asked.policy == FreezingPolicy(trainsProjector: false, trainsDecoder: true))
    try asked.validate()
    var nothing = options(.stage1)
    nothing.settings.projectorRate = 0
    nothing.freezeRestingComponents()
    #expect(thrownCarinaError { try nothing.validate() }?.what.contains("nothing is left to train") == true)
    let changes: [(name: String, change: (inout TrainingSettings) -> Void)] = [
      ("projector_lr", { $0.projectorRate = 1e-3 }), ("vision_lr", { $0.visionRate = 1e-3 }),
    ]
    for (name, change) in changes {
      var idle = options(FreezingPolicy(trainsProjector: false, trainsDecoder: true))
      change(&idle.settings)
      let error = thrownCarinaError { try idle.validate() }
      #expect(
        error?.kind == .usage && error?.what.contains("\(name) has no effect") == true, "\(String(describing: error))")
    }
  }
}
