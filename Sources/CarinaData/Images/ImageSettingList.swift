import CarinaRuntime

/// What the settings of an image's way into a shard are.
public struct ImageSettingList: SettingList {
  /// The declarations.
  public static let declared = ImageSettingList()

  /// The vision encoder whose image settings decide size, filter and normalisation; nil for none.
  public let visionModel = Setting<String?>(
    "vision_model", nil,
    help: "The SigLIP model whose image settings decide size, filter and normalisation: a directory, or an id in the "
      + "cache.", section: .size)
  /// Pixels a side; nil for the model's, or 384 without one.
  public let size = Setting<Int?>(
    "image_size", nil, .optional(.within(1...4096, of: "pixels")),
    help: "Pixels a side (default: the model's, 384 without one).", section: .size)
  /// The kernel of the resize; nil for the model's, or bicubic without one.
  public let resizeFilter = Setting<ResizeFilter?>(
    "resize_filter", nil,
    help:
      "Kernel of the resize: \(ResizeFilter.allCases.map(\.rawValue).joined(separator: ", ")) (default: the model's, "
      + "bicubic without one).", section: .size)
  /// How more than 8 bits become 8; nil refuses such images.
  public let window = Setting<PixelPolicy?>(
    "window", nil,
    help: "How more than 8 bits become 8: \(PixelPolicy.choices). Without it such images are rejected.",
    valueName: "policy")
  /// What happens to an image that is not square.
  public let aspect = Setting(
    "aspect", ImageTransform.Aspect.squash,
    help: "Images that are not square: squash, pad (with black) or crop (to the middle).")
  /// What happens to colour.
  public let colour = Setting(
    "colour", ImageTransform.Colour.keep, help: "keep: colour images stay colour. grey: they become luma.")
  /// The order of the resize's passes.
  public let resizeOrder = Setting(
    "resize_order", PassOrder.adaptive, help: "Whose order of passes the resize follows: pillow-13, pillow-12.")
  /// Whether large JPEGs are decoded at a fraction of their size.
  public let fastDecode = Setting(
    "fast_decode", false,
    help:
      "Decode large JPEGs at a fraction of their size: faster, other pixels by a grey level or so, another transform.")
  /// Which frame of a file with several is taken; nil refuses such files.
  public let frame = Setting<FrameChoice?>(
    "frame", nil,
    help: "Which frame of a DICOM file with several: \(FrameChoice.choices). Without it such files are refused.",
    showsDefault: false)
}

extension SettingValues<ImageSettingList> {
  /// The transform that the settings describe.
  /// - Parameter prepared: says size, filter and normalisation.
  /// - Throws: `CarinaError.usage`.
  public func transform(_ prepared: ImageTransform) throws -> ImageTransform {
    try prepared.with(
      aspect: self.aspect, colour: self.colour, window: self.window, order: self.resizeOrder,
      fastDecode: self.fastDecode, frame: self.frame)
  }
}

extension PixelPolicy: SettingValue {}
extension PassOrder: SettingValue {}
extension ImageTransform.Aspect: SettingValue {}
extension ImageTransform.Colour: SettingValue {}
