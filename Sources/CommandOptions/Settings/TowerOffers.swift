import Carina

/// What stage 0 offers for the tuning of a SigLIP. What there is nothing for in it is offered too, and refused with the
/// reason (`TowerTrainingOptions.validate`).
public enum TowerOffers {
  private static func foreign(_ name: SettingName) -> String? {
    TowerTrainingOptions.foreignSettings.contains(name) ? "Of stages 1 and 2; refused here, with the reason." : nil
  }

  /// The run's numbers, besides those that are offered for fresh backbones too.
  public enum Training: SettingOffer {
    /// The list.
    public typealias List = TrainingSettingList
    /// Of several parts of the help.
    public static var section: SettingSection? { nil }
    /// Those of the tuning.
    public static var defaults: TrainingSettings { .tower }

    private static let shared = [List.declared.seed.name, List.declared.resume.name, List.declared.saveEverySteps.name]

    /// What stages 1 and 2 offer.
    public static func offers(_ name: SettingName, in section: SettingSection) -> Bool {
      switch section {
      case .stage, .optimization, .order, .checkpoints: !shared.contains(name)
      default: false
      }
    }

    /// What is said of images that are compared with texts.
    public static func help(_ name: SettingName) -> String? {
      let list = List.declared
      return switch name {
      case list.batchSize.name: "Images of a batch, whose texts are compared with all of them."
      case list.gradientAccumulationSteps.name: "Batches of an optimizer step, each compared within itself."
      case list.epochCount.name: "Passes over the images."
      case list.warmupRatio.name: "Part of the optimizer steps that is warm-up (default: \(defaults.warmupRatio))."
      default: foreign(name)
      }
    }
  }

  /// When the run is validated, and when it ends early.
  public enum Validation: SettingOffer {
    /// The list.
    public typealias List = ValidationSettingList

    /// What is said of loss and retrieval.
    public static func help(_ name: SettingName) -> String? {
      let list = List.declared
      return switch name {
      case list.evalEvery.name: "Take loss and retrieval every N optimizer steps, or each epoch (default: epoch)."
      case list.earlyStopping.name:
        "Stop after so many validations in a row in which the loss on held-out images did not fall."
      default: foreign(name)
      }
    }
  }
}
