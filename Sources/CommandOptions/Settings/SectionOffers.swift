import Carina

/// The settings of a list that stand in no part of the help of their own.
public enum CommonOffer<List: SettingList>: SettingOffer {
  /// The part of the help.
  public static var section: SettingSection? { .common }
}

/// What stages 1 and 2 may use memory for.
public enum MemoryOffer: SettingOffer {
  /// The list.
  public typealias List = ComputingSettingList
  /// The part of the help.
  public static var section: SettingSection? { .memory }
}

/// What `preprocess` reads.
public enum RecordsOffer: SettingOffer {
  /// The list.
  public typealias List = PreprocessSettingList
  /// The part of the help.
  public static var section: SettingSection? { .records }
}

/// The size of the images that `preprocess` writes.
public enum ImageSizeOffer: SettingOffer {
  /// The list.
  public typealias List = ImageSettingList
  /// The part of the help.
  public static var section: SettingSection? { .size }
}

/// How `preprocess phantom` divides its images.
public enum PhantomDivisionOffer: SettingOffer {
  /// The list.
  public typealias List = PhantomSettingList
  /// The part of the help.
  public static var section: SettingSection? { .division }
}
