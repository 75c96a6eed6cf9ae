import CarinaRuntime
import Foundation

/// Reads the settings of a Hugging Face checkpoint's image processor.
extension ImageTransform {
  /// The transform that a checkpoint's image processor describes.
  ///
  /// Keys that change the computation in a way that is not supported are refused by name; absent keys have the defaults
  /// of the processor's class (for SigLIP bicubic, 1/255, mean and standard deviation 0.5), except the size,
  /// which `defaultSize` gives.
  /// - Parameters:
  ///   - defaultSize: the size when the file names none, from the vision tower's configuration.
  ///   - kind: the class where the settings name none.
  ///   - source: names the file in errors.
  /// - Throws: `CarinaError.badData`.
  package init(
    preprocessorConfiguration configuration: JSONValue, defaultSize: Int?, kind: ImageProcessorKind = .siglip,
    source: String
  ) throws {
    guard let keys = configuration.object else {
      throw CarinaError(.badData, "is no JSON object", at: source, found: configuration.kindName)
    }
    let settings = ProcessorSettings(keys: keys, source: source)
    let kind = try settings.kind ?? kind
    try settings.requireUnderstood(kind)
    guard let size = try settings.size() ?? defaultSize else {
      throw CarinaError(
        .badData, "names no image size", at: source, remedy: "Add \"size\": {\"height\": N, \"width\": N}.")
    }
    let normalizes = try settings.flag("do_normalize"), rescales = try settings.flag("do_rescale")
    do {
      try self.init(
        size: size, filter: settings.filter() ?? kind.filter, rescale: rescales ? settings.rescale() : 1,
        mean: normalizes ? settings.triple("image_mean") : [0, 0, 0],
        standardDeviation: normalizes ? settings.triple("image_std") : [1, 1, 1])
    } catch let error as CarinaError {
      throw error.about(source)
    }
  }
}

/// The keys of an image processor, read one by one.
private struct ProcessorSettings {
  let keys: JSONObject
  let source: String

  /// A key's value; nil where it is absent or null.
  func value(_ key: String) -> JSONValue? {
    guard let value = keys[key], !value.isNull else { return Optional.none }
    return value
  }

  /// The class that the settings name.
  var kind: ImageProcessorKind? {
    get throws {
      for key in ["image_processor_type", "feature_extractor_type"] {
        guard let value = value(key) else { continue }
        guard let name = value.string else { throw unusable(key, "the name of a class") }
        return ImageProcessorKind(named: name)
      }
      return nil
    }
  }

  func unusable(_ key: String, _ expected: String) -> CarinaError {
    CarinaError(
      .badData, "\"\(key)\" is unusable", at: source, expected: expected, found: try? keys[key]?.serialized())
  }

  /// Whether a step is done: unless it says so or, as transformers takes it, is null.
  func flag(_ key: String) throws -> Bool {
    guard let value = keys[key] else { return true }
    guard !value.isNull else { return false }
    guard let flag = value.bool else { throw unusable(key, "true or false") }
    return flag
  }

  func filter() throws -> ResizeFilter? {
    guard let value = keys["resample"] else { return nil }
    // As transformers 4 has it; its version 5 refuses null.
    guard !value.isNull else { return .bilinear }
    let filter =
      value.int.flatMap(ResizeFilter.init(pillowNumber:)) ?? value.string.flatMap(ResizeFilter.init(name:))
    guard let filter else {
      let choices = ResizeFilter.allCases.map { "\($0.pillowNumber) (\($0.rawValue))" }.joined(separator: ", ")
      throw unusable("resample", "one of Pillow's filters, by number or name: \(choices)")
    }
    return filter
  }

  func rescale() throws -> Double {
    guard let value = value("rescale_factor") else { return 1.0 / 255 }
    guard let factor = value.double else { throw unusable("rescale_factor", "a number") }
    return factor
  }

  /// Three numbers, or one for all three.
  func triple(_ key: String) throws -> [Double] {
    guard let value = value(key) else { return [0.5, 0.5, 0.5] }
    let numbers = value.array?.compactMap(\.double) ?? value.double.map { [$0, $0, $0] } ?? []
    guard numbers.count == 3, numbers.count == value.array?.count ?? 3 else { throw unusable(key, "three numbers") }
    return numbers
  }

  /// The side of the square: a number, two equal ones, or equal height and width; nil where nothing is said.
  func size() throws -> Int? {
    guard let value = value("size") else { return nil }
    if let side = value.int, keys["default_to_square"] != false { return side }
    if let pair = value.array, pair.count == 2, pair[0] == pair[1], let side = pair[0].int { return side }
    if let named = value.object {
      let given = named.filter { !$0.value.isNull }
      if Set(given.map(\.key)) == ["height", "width"], let side = value["height"]?.int, side == value["width"]?.int {
        return side
      }
    }
    throw CarinaError(
      .badData, "\"size\" asks for a computation that is not supported", at: source,
      expected: "{\"height\": N, \"width\": N} with both equal, as the encoder's patches are a square",
      found: try value.serialized())
  }

  /// Keys without influence on the pixels, whatever their value.
  private static let harmless: Set<String> = [
    "image_processor_type", "feature_extractor_type", "processor_class", "_valid_processor_keys", "do_convert_rgb",
    "data_format", "input_data_format", "return_tensors", "device", "disable_grouping", "image_seq_length",
    "size", "resample", "rescale_factor", "image_mean", "image_std", "do_rescale", "do_normalize", "_name_or_path",
    "transformers_version", "_processor_class", "default_to_square", "auto_map",
    // Without the crop or the padding itself, its size has no effect; nor have the limits of pan and scan without it.
    "crop_size", "pad_size", "pan_and_scan_min_crop_size", "pan_and_scan_max_num_crops",
    "pan_and_scan_min_ratio_to_activate",
  ]

  /// Refuses what asks for another computation.
  func requireUnderstood(_ kind: ImageProcessorKind) throws {
    for (key, value) in keys where !isUnderstood(key, value) {
      throw CarinaError(
        .badData, "\"\(key)\": \(try value.serialized()) asks for a computation that is not supported", at: source,
        remedy: key == "do_pan_and_scan"
          ? "Set it to false: the model then sees the whole image once, and no crops of it."
          : "Supported are a resize to a square, a rescale and a normalisation.")
    }
    if kind.cropsToCentre, value("do_center_crop") == nil {
      throw CarinaError(
        .badData, "\"do_center_crop\" is absent, which for \(kind.name) asks for a computation that is not supported",
        at: source, remedy: "Supported are a resize to a square, a rescale and a normalisation.")
    }
    let absent = kind.needed.filter { value($0) == nil }
    let isNormalized = try flag("do_normalize")
    guard absent.isEmpty || (!isNormalized && !absent.contains("resample")) else {
      throw CarinaError(
        .badData, "names no \(absent.joined(separator: ", ")), and the defaults of \(kind.name) are not known here",
        at: source, expected: "these keys, or the image_processor_type SiglipImageProcessor or Gemma3ImageProcessor")
    }
  }

  private func isUnderstood(_ key: String, _ value: JSONValue) -> Bool {
    if key == "do_resize" { return value == true }
    return ProcessorSettings.harmless.contains(key) || value.isNull || value == false
  }
}
