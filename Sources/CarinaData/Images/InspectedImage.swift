/// An image at the model's size, and what is odd about it.
struct InspectedImage {
  let pixels: ImagePixels
  /// Upper corners brighter than the centre by so many grey levels, where that is suspicious.
  let inversion: Int?
  /// The orientation tag, where it says anything but upright.
  let orientation: Int?
  /// What is odd about the file itself, in words.
  let remark: String?

  /// - Throws: as `ImageTransform.pixels(of:path:)`.
  init(ofFileAt path: String, _ transform: ImageTransform) throws {
    let bytes = try ImageDecoder.bytes(ofFileAt: path)
    (pixels, remark) = try transform.remarkedPixels(of: bytes, path: path)
    inversion = InversionCheck.excess(pixels).flatMap { $0 > InversionCheck.margin ? $0 : nil }
    orientation = OrientationTag.read(bytes).flatMap { $0 > 1 ? $0 : nil }
  }
}
