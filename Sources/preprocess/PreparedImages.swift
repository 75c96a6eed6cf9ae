import ArgumentParser
import Carina

/// Size, filter and normalisation of a run: those of a model, or what the command line says.
struct PreparedImages {
  /// All three, and everything else as where nothing is said.
  let transform: ImageTransform
  /// Lines for the header of the run.
  let header: [(name: String, value: String)]

  /// - Throws: `CarinaError.usage` for a size or a filter that is not the model's, and what `EncoderImages` throws.
  init(_ model: String?, size: Int?, filter: ResizeFilter?) throws {
    try PreprocessOptions.imageSize.check(size)
    guard let model else {
      transform = try ImageTransform(size: size ?? 384, filter: filter ?? .bicubic)
      header =
        [("image-size", "\(transform.size)")] + (filter.map { [("resize-filter", $0.rawValue)] } ?? [])
      return
    }
    let images = try EncoderImages(of: model)
    transform = images.transform
    let contradictions = [
      ("--image-size", size.map { "\($0)" }, "\(transform.size)"),
      ("--resize-filter", filter?.rawValue, transform.filter.rawValue),
    ]
    for (option, said, own) in contradictions {
      if let said, said != own {
        throw CarinaError(
          .usage, "\(option) is not what the model of --vision-model takes", at: model, expected: own, found: said,
          remedy: "Leave \(option) out.")
      }
    }
    header = [
      ("vision-model", model), ("image-settings", images.source), ("image-size", "\(transform.size)"),
      ("resize-filter", transform.filter.rawValue),
    ]
  }
}

extension ResizeFilter: @retroactive ExpressibleByArgument {}
