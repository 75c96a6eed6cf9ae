import CarinaRuntime

/// Settings of how an image file is read, for programs that read them.
public struct ImageSettingList: SettingList {
  /// The declarations.
  public static let declared = ImageSettingList()

  /// Which picture of a file with several is taken; nil refuses such files.
  public let frame = Setting<FrameChoice?>(
    "frame", nil,
    help: "Which frame of a DICOM file with several: \(FrameChoice.choices). Without it such files are refused.",
    showsDefault: false)
}
