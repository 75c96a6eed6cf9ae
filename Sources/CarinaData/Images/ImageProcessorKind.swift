/// A class of transformers' image processors: what it means that its settings leave a key out.
package struct ImageProcessorKind: Equatable, Sendable {
  /// The class, without what names its backend ("Fast", "Pil").
  package let name: String
  /// Keys that must be there, since the class's own values for them are not known here.
  let needed: [String]
  /// The filter of the resize.
  let filter: ResizeFilter
  /// Whether the middle is cut out unless the settings say otherwise.
  let cropsToCentre: Bool

  private init(
    _ name: String, needed: [String] = [], filter: ResizeFilter = .bicubic, cropsToCentre: Bool = false
  ) {
    self.name = name
    self.needed = needed
    self.filter = filter
    self.cropsToCentre = cropsToCentre
  }

  /// SigLIP's: bicubic, mean and deviation 0.5.
  package static let siglip = ImageProcessorKind("SiglipImageProcessor")
  /// Gemma 3's: bilinear, mean and deviation 0.5.
  package static let gemma3 = ImageProcessorKind("Gemma3ImageProcessor", filter: .bilinear)

  /// The class of a name in `image_processor_type` or, as older files have it, `feature_extractor_type`
  /// ("SiglipImageProcessorFast", "ViTFeatureExtractor").
  init(named text: String) {
    var name = text
    for ending in ["Fast", "Pil"] where name.hasSuffix(ending) { name.removeLast(ending.count) }
    if name.hasSuffix("FeatureExtractor") { name = name.dropLast("FeatureExtractor".count) + "ImageProcessor" }
    switch name {
    case ImageProcessorKind.siglip.name: self = .siglip
    case ImageProcessorKind.gemma3.name: self = .gemma3
    case "ViTImageProcessor": self.init(name, filter: .bilinear)
    case "CLIPImageProcessor": self.init(name, needed: ["image_mean", "image_std"], cropsToCentre: true)
    default: self.init(name, needed: ["resample", "image_mean", "image_std"])
    }
  }
}
