import Carina
import CommandOptions

/// Size, filter and normalisation of a run: those of a model, or what the command line says.
struct PreparedImages {
  /// All three, and everything else as where nothing is said.
  let transform: ImageTransform
  /// Which file of the model says it; nil without a model.
  private let source: String?

  /// - Throws: `CarinaError.usage` for a size or a filter that is not the model's, and what `EncoderImages` throws.
  init(_ values: SettingValues<ImageSettingList>) throws {
    guard let model = values.visionModel else {
      transform = try ImageTransform(size: values.size ?? 384, filter: values.resizeFilter ?? .bicubic)
      source = nil
      return
    }
    let images = try EncoderImages(of: model)
    (transform, source) = (images.transform, images.source)
    let declared = ImageSettingList.declared
    let contradictions = [
      (declared.size.name, values.size.map { "\($0)" }, "\(transform.size)"),
      (declared.resizeFilter.name, values.resizeFilter?.rawValue, transform.filter.rawValue),
    ]
    for (name, said, own) in contradictions {
      if let said, said != own {
        throw CarinaError(
          .usage, "--\(name.optionName) is not what the model of --\(declared.visionModel.name.optionName) takes",
          at: model,
          expected: own, found: said, remedy: "Leave --\(name.optionName) out.")
      }
    }
  }

  /// The lines of the header for the settings of images, with the size and the filter that are taken.
  func texts(of values: SettingValues<ImageSettingList>) -> [(name: SettingName, value: String)] {
    var values = values
    (values.size, values.resizeFilter) = (transform.size, transform.filter)
    return values.texts + (source.map { [(SettingName("image_settings"), $0)] } ?? [])
  }
}
