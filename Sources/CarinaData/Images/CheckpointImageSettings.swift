import CarinaRuntime
import Foundation

/// What the files of a Hugging Face checkpoint say of the images that its encoder takes: size, filter and
/// normalisation.
package struct CheckpointImageSettings: Equatable, Sendable {
  /// Size, filter and normalisation; everything else as where nothing is said.
  package let transform: ImageTransform
  /// Where they stand; nil where no file has any and `transform` is assumed.
  package let source: String?
  /// What was assumed, for the header of a run; nil where a file says it.
  package let assumption: String?

  /// Reads the settings of a checkpoint from every place in which transformers looks for them, in its order: what is
  /// nested as `image_processor` in `processor_config.json`, then `preprocessor_config.json`.
  /// - Parameters:
  ///   - defaultSize: the size where none is named, from the vision tower's configuration.
  ///   - kind: the class of image processor where none is named.
  /// - Throws: `CarinaError.badData` for settings that are not understood, and for two places that do not agree, naming
  ///   the keys; `.missingInput` when nothing names a size.
  package init(ofCheckpoint directory: String, defaultSize: Int?, kind: ImageProcessorKind = .siglip) throws {
    let nested = directory + "/processor_config.json", plain = directory + "/preprocessor_config.json"
    var found: [(transform: ImageTransform, source: String)] = []
    func read(_ settings: JSONValue, _ source: String) throws {
      let transform = try ImageTransform(
        preprocessorConfiguration: settings, defaultSize: defaultSize, kind: kind, source: source)
      found.append((transform, source))
    }
    if FileManager.default.fileExists(atPath: nested) {
      let processor = try JSONValue.parseFile(nested)
      guard let keys = processor.object else {
        throw CarinaError(.badData, "is no JSON object", at: nested, found: processor.kindName)
      }
      if let settings = keys["image_processor"], !settings.isNull { try read(settings, nested + ", image_processor") }
    }
    if FileManager.default.fileExists(atPath: plain) { try read(try JSONValue.parseFile(plain), plain) }
    guard let first = found.first else {
      guard let defaultSize else {
        throw CarinaError(.missingInput, "there is no such file, and nothing else names the image size", at: plain)
      }
      transform = try ImageTransform(size: defaultSize, filter: kind.filter)
      source = nil
      assumption =
        "none in \(directory); assumed \(defaultSize) x \(defaultSize) pixels, \(kind.filter.rawValue), mean 0.5 and "
        + "standard deviation 0.5, as \(kind.name) has them"
      return
    }
    if found.count > 1 { try CheckpointImageSettings.requireAgreement(first, found[1]) }
    (transform, source, assumption) = (first.transform, first.source, nil)
  }

  private static func requireAgreement(
    _ first: (transform: ImageTransform, source: String), _ second: (transform: ImageTransform, source: String)
  ) throws {
    let mine = first.transform.checkpointSettings, theirs = second.transform.checkpointSettings
    let differing = zip(mine, theirs).filter { $0.value != $1.value }
    guard !differing.isEmpty else { return }
    func text(_ settings: [(key: String, value: String)]) -> String {
      settings.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }
    throw CarinaError(
      .badData,
      "two files of the checkpoint do not agree on the images (\(differing.map(\.0.key).joined(separator: ", ")))",
      at: first.source, expected: "\(text(differing.map(\.1))), as in \(second.source)",
      found: text(differing.map(\.0)),
      remedy: "Ask whoever made the checkpoint which of them its encoder was trained with, and remove the other.")
  }
}

extension ImageTransform {
  /// What a checkpoint says of images, by the keys of its files.
  fileprivate var checkpointSettings: [(key: String, value: String)] {
    func numbers(_ values: [Double]) -> String { "[\(values.map { "\($0)" }.joined(separator: ", "))]" }
    return [
      ("size", "\(size)"), ("resample", filter.rawValue), ("rescale_factor", "\(rescale)"),
      ("image_mean", numbers(mean)), ("image_std", numbers(standardDeviation)),
    ]
  }
}
