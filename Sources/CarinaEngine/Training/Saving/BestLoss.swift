import CarinaRuntime

/// The lowest loss on held-out data so far, and the step after which it was taken.
struct BestLoss {
  private static let lossKey = "best_validation_loss", stepKey = "best_step"

  /// Infinite and nil where none was taken; nil too in checkpoints of before it was kept.
  let loss: Double, step: Int?

  /// One that was taken; without arguments none.
  init(loss: Double = .infinity, step: Int? = nil) {
    self.loss = loss
    self.step = step
  }

  /// What a checkpoint kept.
  init(_ json: JSONValue) {
    loss = json[Self.lossKey]?.double ?? .infinity
    step = json[Self.stepKey]?.int
  }

  /// What a checkpoint keeps.
  var json: JSONValue {
    var object = JSONObject()
    if loss.isFinite { object[Self.lossKey] = .number(loss) }
    object[Self.stepKey] = step.map(JSONValue.integer)
    return .object(object)
  }
}
