import CarinaRuntime
import Foundation

/// Reads the `preprocessor_config.json` of a Hugging Face checkpoint.
extension ImageTransform {
  /// The transform that a checkpoint's image processor describes.
  ///
  /// Keys that change the computation in a way that is not supported are refused by name; absent keys have SigLIP's
  /// defaults (bicubic, 1/255, mean and standard deviation 0.5), except the size, which `defaultSize` gives.
  /// - Parameters:
  ///   - defaultSize: the size when the file names none, from the vision tower's configuration.
  ///   - source: names the file in errors.
  /// - Throws: `CarinaError.badData`.
  package init(preprocessorConfiguration configuration: JSONValue, defaultSize: Int?, source: String) throws {
    guard let keys = configuration.object else {
      throw CarinaError(.badData, "is no JSON object", at: source, found: configuration.kindName)
    }
    for (key, value) in keys where !ImageTransform.isUnderstood(key, value) {
      throw CarinaError(
        .badData, "\"\(key)\": \(try value.serialized()) asks for a computation that is not supported", at: source,
        remedy: "Supported are a bicubic resize to a square, a rescale and a normalisation.")
    }
    guard let size = try ImageTransform.size(keys["size"], source) ?? defaultSize else {
      throw CarinaError(
        .badData, "names no image size", at: source, remedy: "Add \"size\": {\"height\": N, \"width\": N}.")
    }
    func flag(_ key: String) -> Bool { keys[key]?.bool ?? true }
    func triple(_ key: String, unless absent: Double) throws -> [Double] {
      guard flag("do_normalize") else { return [absent, absent, absent] }
      guard let value = keys[key], !value.isNull else { return [0.5, 0.5, 0.5] }
      let numbers = value.array?.compactMap(\.double) ?? value.double.map { [$0, $0, $0] } ?? []
      guard numbers.count == 3, numbers.count == value.array?.count ?? 3 else {
        throw CarinaError(
          .badData, "\"\(key)\" is unusable", at: source, expected: "three numbers", found: try value.serialized())
      }
      return numbers
    }
    var rescale = 1.0 / 255
    if let value = keys["rescale_factor"], !value.isNull {
      guard let factor = value.double else {
        throw CarinaError(
          .badData, "\"rescale_factor\" is unusable", at: source, expected: "a number", found: try value.serialized())
      }
      rescale = factor
    }
    try self.init(
      size: size, rescale: flag("do_rescale") ? rescale : 1, mean: triple("image_mean", unless: 0),
      standardDeviation: triple("image_std", unless: 1))
  }

  /// The transform of a checkpoint directory; without a `preprocessor_config.json` there, the defaults at
  /// `defaultSize`.
  /// - Throws: `CarinaError.badData` for a file that is not understood, `.missingInput` when nothing names a size.
  package static func ofCheckpoint(_ directory: String, defaultSize: Int?) throws -> ImageTransform {
    let path = directory + "/preprocessor_config.json"
    guard FileManager.default.fileExists(atPath: path) else {
      guard let defaultSize else {
        throw CarinaError(.missingInput, "there is no such file, and nothing else names the image size", at: path)
      }
      return try ImageTransform(size: defaultSize)
    }
    return try ImageTransform(
      preprocessorConfiguration: try JSONValue.parseFile(path), defaultSize: defaultSize, source: path)
  }

  private static func size(_ value: JSONValue?, _ source: String) throws -> Int? {
    guard let value, !value.isNull else { return nil }
    if let side = value.int { return side }
    if let height = value["height"]?.int, let width = value["width"]?.int, height == width { return height }
    throw CarinaError(
      .badData, "\"size\" asks for a computation that is not supported", at: source,
      expected: "{\"height\": N, \"width\": N} with both equal", found: try value.serialized())
  }

  /// Keys without influence on the pixels, whatever their value.
  private static let harmless: Set<String> = [
    "image_processor_type", "feature_extractor_type", "processor_class", "_valid_processor_keys", "do_convert_rgb",
    "data_format", "input_data_format", "return_tensors", "device", "disable_grouping", "image_seq_length",
    "size", "rescale_factor", "image_mean", "image_std", "do_rescale", "do_normalize", "_name_or_path",
    "transformers_version", "_processor_class",
  ]

  private static func isUnderstood(_ key: String, _ value: JSONValue) -> Bool {
    if harmless.contains(key) || value.isNull { return true }
    switch key {
    case "do_resize": return value == true
    // 3 is Pillow's number for bicubic.
    case "resample": return value.int == 3
    case "default_to_square": return true
    // Without the crop itself, its size has no effect.
    case "crop_size", "pad_size": return true
    default: return value == false
    }
  }
}
