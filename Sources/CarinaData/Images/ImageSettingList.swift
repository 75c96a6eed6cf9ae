import CarinaRuntime

/// What the settings of an image's way into a shard are.
public struct ImageSettingList: SettingList {
  /// The declarations.
  public static let declared = ImageSettingList()

  // `ImageTransform` refuses what is out of range.
  /// Pixels a side.
  public let size = Setting("image_size", 384, help: "Pixels a side.", section: .size)
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
}

extension SettingValues<ImageSettingList> {
  /// The transform that the settings describe, with SigLIP's normalisation.
  /// - Throws: `CarinaError.usage` for a size out of range.
  public func transform() throws -> ImageTransform {
    try ImageTransform(
      size: self.size, aspect: self.aspect, colour: self.colour, window: self.window, order: self.resizeOrder,
      fastDecode: self.fastDecode)
  }
}

extension PixelPolicy: SettingValue {}
extension PassOrder: SettingValue {}
extension ImageTransform.Aspect: SettingValue {}
extension ImageTransform.Colour: SettingValue {}
