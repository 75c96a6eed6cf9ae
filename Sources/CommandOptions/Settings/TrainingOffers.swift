import Carina

/// Which of the training settings stand together in the help of which program.
public enum TrainingOffers {
  /// What every training program offers.
  public enum Common: SettingOffer {
    /// The list.
    public typealias List = TrainingSettingList
    /// The part of the help.
    public static let section: SettingSection? = .common
  }

  /// How stages 1 and 2 optimise.
  public enum Optimization: SettingOffer {
    /// The list.
    public typealias List = TrainingSettingList
    /// The part of the help.
    public static let section: SettingSection? = .optimization
  }

  /// In which order stages 1 and 2 take samples.
  public enum Order: SettingOffer {
    /// The list.
    public typealias List = TrainingSettingList
    /// The part of the help.
    public static let section: SettingSection? = .order
  }

  /// When stages 1 and 2 write checkpoints.
  public enum Checkpoints: SettingOffer {
    /// The list.
    public typealias List = TrainingSettingList
    /// The part of the help.
    public static let section: SettingSection? = .checkpoints
  }

  /// What stage 1 has defaults of its own for.
  public enum Stage1: SettingOffer {
    /// The part of the help.
    public static let section: SettingSection? = .stage
    /// Stage 1's.
    public static var defaults: TrainingSettings { .stage1 }
  }

  /// What stage 2 has defaults of its own for.
  public enum Stage2: SettingOffer {
    /// The part of the help.
    public static let section: SettingSection? = .stage
    /// Stage 2's.
    public static var defaults: TrainingSettings { .stage2 }
  }
}
