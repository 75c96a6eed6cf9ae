import Carina

/// Which settings of other lists stand together in the help of which program.
public enum SectionOffers {
  /// The settings of a list that stand in no part of the help of their own.
  public enum Common<List: SettingList>: SettingOffer {
    /// The part of the help.
    public static var section: SettingSection? { .common }
  }

  /// What stages 1 and 2 may use memory for.
  public enum Memory: SettingOffer {
    /// The list.
    public typealias List = ComputingSettingList
    /// The part of the help.
    public static var section: SettingSection? { .memory }
  }

  /// How much memory a program that answers may plan for.
  public enum MemoryLimit: SettingOffer {
    /// The list.
    public typealias List = ComputingSettingList
    /// The part of the help.
    public static var section: SettingSection? { .memory }
    /// That alone.
    public static func offers(_ name: SettingName, in section: SettingSection) -> Bool {
      name == ComputingSettingList.declared.memoryLimit.name
    }
  }

  /// What `preprocess` reads.
  public enum Records: SettingOffer {
    /// The list.
    public typealias List = PreprocessSettingList
    /// The part of the help.
    public static var section: SettingSection? { .records }
  }

  /// The size of the images that `preprocess` writes.
  public enum ImageSize: SettingOffer {
    /// The list.
    public typealias List = ImageSettingList
    /// The part of the help.
    public static var section: SettingSection? { .size }
  }

  /// How `preprocess phantom` divides its images.
  public enum PhantomDivision: SettingOffer {
    /// The list.
    public typealias List = PhantomSettingList
    /// The part of the help.
    public static var section: SettingSection? { .division }
  }
}
