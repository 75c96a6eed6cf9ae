import CarinaRuntime

/// What one optimizer step reports.
public struct StepReport: Equatable, Sendable {
  /// Optimizer steps done including this one, and the epoch (from 0) it belongs to.
  public let step: Int, epoch: Int
  /// Mean loss per supervised token (or image) over the whole step, and the gradients' global norm before clipping.
  public let loss: Double, gradientNorm: Double
  /// The step's learning rate.
  public let learningRate: Double
  /// What the mean is taken over.
  public let supervisedTokens: Int
  /// Wall-clock time of the step, and the part of it spent waiting for data.
  public let seconds: Double, dataWaitMilliseconds: Double
  /// Mean loss on held-out data after the step, where it was taken.
  public var validationLoss: Double?
  /// The same norm of each component by itself, where a stage has components.
  package var gradientNorms: [GradientNorms.Part] = []
  /// How much of the gradient is chance, where that is measured.
  package var gradientNoise: [GradientNoise.Part] = []
  /// Other numbers that were taken along with it.
  package var validationScores: [Score] = []
  /// Why the weights were left as they were: which operation made a number that is not finite, and for which samples;
  /// nil for a step that was taken.
  public var skipCause: String?
  /// Whether the loss stands out above those before (see `StepGuard`).
  public var isSpike = false

  /// A number of a validation under its name in the log.
  package struct Score: Equatable, Sendable {
    let name: String, value: Double
  }

  /// Collects the numbers.
  package init(
    step: Int, epoch: Int, loss: Double, gradientNorm: Double, learningRate: Double, supervisedTokens: Int,
    seconds: Double, dataWaitMilliseconds: Double
  ) {
    self.step = step
    self.epoch = epoch
    self.loss = loss
    self.gradientNorm = gradientNorm
    self.learningRate = learningRate
    self.supervisedTokens = supervisedTokens
    self.seconds = seconds
    self.dataWaitMilliseconds = dataWaitMilliseconds
  }

  /// Reads a line of the training log of before the validation: numbers that are null there were not finite, and why a
  /// step was skipped is not said.
  /// - Throws: `CarinaError.badData` naming the key that is missing.
  package init(_ line: JSONNode) throws {
    func number(_ key: String, orNull isFree: Bool = false) throws -> Double {
      isFree && line[key].value?.isNull == true ? .nan : try line[key].read("a number", \.double)
    }
    self.init(
      step: try line["step"].count(from: 1), epoch: try line["epoch"].count(), loss: try number("loss", orNull: true),
      gradientNorm: try number("grad_norm", orNull: true), learningRate: try number("learning_rate"),
      supervisedTokens: try line["supervised_tokens"].count(), seconds: try number("seconds"),
      dataWaitMilliseconds: try number("data_wait_ms"))
    gradientNorms = (line["grad_norms"].value?.object ?? JSONObject()).map {
      GradientNorms.Part(component: $0.key, norm: $0.value.double ?? .nan)
    }
    gradientNoise = (line["gradient_noise"].value?.object ?? JSONObject()).compactMap {
      GradientNoise.Part($0.key, $0.value)
    }
    if line["skipped"].value?.bool == true { skipCause = "something was not finite" }
    isSpike = line["spike"].value?.bool == true
  }

  /// Its line in the training log.
  package var line: JSONValue {
    var line = JSONObject([
      ("step", .integer(step)), ("epoch", .integer(epoch)),
      ("loss", loss.isFinite ? .number(loss) : .null),
      ("learning_rate", .number(learningRate)),
      ("grad_norm", gradientNorm.isFinite ? .number(gradientNorm) : .null),
      ("supervised_tokens", .integer(supervisedTokens)),
      ("seconds", .number((seconds * 1e6).rounded() / 1e6)),
      ("data_wait_ms", .number((dataWaitMilliseconds * 1e3).rounded() / 1e3)),
    ])
    if !gradientNorms.isEmpty {
      line["grad_norms"] = .object(
        JSONObject(gradientNorms.map { ($0.component, $0.norm.isFinite ? .number($0.norm) : .null) }))
    }
    if !gradientNoise.isEmpty {
      line["gradient_noise"] = .object(JSONObject(gradientNoise.map { ($0.component, $0.json) }))
    }
    line["validation_loss"] = validationLoss.map(JSONValue.number)
    for score in validationScores { line[score.name] = .number(score.value) }
    if skipCause != nil { line["skipped"] = .bool(true) }
    if isSpike { line["spike"] = .bool(true) }
    return .object(line)
  }
}
