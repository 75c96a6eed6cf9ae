import CarinaRuntime

/// What a validation found.
public struct ValidationReport: Equatable, Sendable {
  /// What stands under `kind` of its line in the training log, where the lines of steps have nothing.
  package static let kind = "validation"

  /// Optimizer steps done, and the epoch (from 0) of the last.
  public let step: Int, epoch: Int
  /// Mean loss per supervised token with the true images, those of another sample, and blank ones; nil where no sample
  /// has other images.
  public let loss: Double, shuffledLoss: Double?, blankLoss: Double
  /// Which part of the closed questions was answered right, and how many there are; nil where there is none.
  public let closedAccuracy: Double?, closedCount: Int
  /// Samples and supervised tokens that it was taken on.
  package let sampleCount: Int, supervisedTokens: Int
  /// Wall-clock time.
  package let seconds: Double
  /// What is shown.
  public let answers: [ValidationAnswer]
  /// Mean training loss of the steps since the validation before, and whether this one is the best so far.
  package var trainingLoss: Double?, isBest = false

  /// Collects the values.
  package init(
    step: Int, epoch: Int, loss: Double, shuffledLoss: Double?, blankLoss: Double, closedAccuracy: Double?,
    closedCount: Int, sampleCount: Int, supervisedTokens: Int, seconds: Double, answers: [ValidationAnswer]
  ) {
    self.step = step
    self.epoch = epoch
    self.loss = loss
    self.shuffledLoss = shuffledLoss
    self.blankLoss = blankLoss
    self.closedAccuracy = closedAccuracy
    self.closedCount = closedCount
    self.sampleCount = sampleCount
    self.supervisedTokens = supervisedTokens
    self.seconds = seconds
    self.answers = answers
  }

  /// How much the loss rises where the images are another sample's: evidence that they are used.
  public var imageGap: Double? { shuffledLoss.map { $0 - loss } }

  /// The value by which the best model is chosen.
  package func value(of metric: BestMetric) -> Double? {
    switch metric {
    case .validationLoss: loss
    case .trainingLoss: trainingLoss
    case .closedAccuracy: closedAccuracy
    case .imageGap: imageGap
    }
  }

  /// Its line in the training log.
  package var json: JSONValue {
    var line = JSONObject([
      ("kind", .string(Self.kind)), ("step", .integer(step)), ("epoch", .integer(epoch)),
      ("validation_loss", .number(loss)),
    ])
    line["validation_loss_shuffled"] = shuffledLoss.map(JSONValue.number)
    line["validation_loss_blank"] = .number(blankLoss)
    line["image_gap"] = imageGap.map(JSONValue.number)
    line["closed_accuracy"] = closedAccuracy.map(JSONValue.number)
    if closedCount > 0 { line["closed_questions"] = .integer(closedCount) }
    line["training_loss"] = trainingLoss.map(JSONValue.number)
    line["samples"] = .integer(sampleCount)
    line["validation_tokens"] = .integer(supervisedTokens)
    line["best"] = .bool(isBest)
    line["seconds"] = .number((seconds * 1e6).rounded() / 1e6)
    return .object(line)
  }
}
