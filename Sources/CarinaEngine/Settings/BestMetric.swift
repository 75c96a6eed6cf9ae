import CarinaRuntime

/// By which number of a validation the best model of a run is chosen.
public enum BestMetric: String, CaseIterable, SettingValue {
  /// The mean loss per supervised token on the held-out samples; lower is better.
  case validationLoss = "val-loss"
  /// The mean training loss of the steps since the validation before; lower is better.
  case trainingLoss = "loss"
  /// How often closed questions are answered right; higher is better.
  case closedAccuracy = "closed-accuracy"
  /// The loss with shuffled images less that with the true ones; higher is better.
  case imageGap = "image-gap"

  /// Whether a larger value is a better one.
  package var isHigherBetter: Bool { self == .closedAccuracy || self == .imageGap }

  /// Where a checkpoint keeps the best value.
  var stateKey: String {
    switch self {
    case .validationLoss: "best_validation_loss"
    case .trainingLoss: "best_training_loss"
    case .closedAccuracy: "best_closed_accuracy"
    case .imageGap: "best_image_gap"
    }
  }
}
