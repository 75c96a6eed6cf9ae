import CarinaRuntime

/// How a transform is written down, named and compared.
extension ImageTransform {
  /// The value of the setting `decode`, which exact decoding leaves out.
  private static let scaledDecoding = "scaled-dct"

  /// The settings that decide a shard's bytes.
  private var pixelSettings: [(String, JSONValue)] {
    [
      ("aspect", .string(aspect.rawValue)), ("colour", .string(colour.rawValue)),
      ("filter", .string(filter.settingText)),
      ("passes", .string(order.rawValue)), ("size", .integer(size)),
      ("window", window.map { .string($0.description) } ?? .null),
    ] + (fastDecode ? [("decode", .string(ImageTransform.scaledDecoding))] : [])
      + (frame.map { [("frame", $0.json)] } ?? [])
  }

  /// All settings, names in order.
  package var settings: JSONValue {
    .object(
      JSONObject(
        (pixelSettings + [
          ("deviation", .array(standardDeviation.map(JSONValue.number))), ("mean", .array(mean.map(JSONValue.number))),
          ("rescale", .number(rescale)), ("version", 1),
        ]).sorted { $0.0 < $1.0 }))
  }

  /// Names the transform: the first 16 hexadecimal digits of SHA-256 over `settings` as one line of JSON.
  public var id: String { ImageTransform.name(settings) }

  /// Names the part that decides a shard's bytes. Normalisation happens when a batch is made, so that one shard
  /// serves models with different means.
  package var pixelID: String { ImageTransform.name(.object(JSONObject(pixelSettings))) }

  private static func name(_ settings: JSONValue) -> String {
    // The settings are finite by construction, the only thing that serialisation can refuse.
    let text = (try? settings.serialized(sortedKeys: true)) ?? "\(settings)"
    return String(SHA256Digest.of(text).prefix(16))
  }

  /// Reads what `settings` wrote; `source` names it in errors.
  /// - Throws: `CarinaError.badData` for missing, unknown or unusable settings.
  package init(settings: JSONValue, source: String) throws {
    func unusable(_ key: String) -> CarinaError { ImageTransform.unusable(key, settings[key], source) }
    func value<Value>(_ key: String, _ read: (JSONValue) -> Value?) throws -> Value {
      guard let value = settings[key].flatMap(read) else { throw unusable(key) }
      return value
    }
    func numbers(_ key: String) throws -> [Double] {
      try value(key) { $0.array?.compactMap(\.double).count == 3 && $0.array?.count == 3 ? $0.array : nil }
        .compactMap(\.double)
    }
    guard settings["version"]?.int == 1 else { throw unusable("version") }
    let aspect = try value("aspect") { $0.string.flatMap(Aspect.init(rawValue:)) }
    let filter = try value("filter") { $0.string.flatMap(ResizeFilter.init(settingText:)) }
    let colour = try value("colour") { $0.string.flatMap(Colour.init(rawValue:)) }
    let order = try value("passes") { $0.string.flatMap(PassOrder.init(rawValue:)) }
    let size = try value("size") { $0.int }
    let rescale = try value("rescale") { $0.double }
    let window =
      settings["window"]?.isNull == false ? try value("window") { $0.string.flatMap(PixelPolicy.init(text:)) } : nil
    let frame = settings["frame"] == nil ? nil : try value("frame") { $0.string.flatMap(FrameChoice.init(text:)) }
    if let decode = settings["decode"], decode.string != ImageTransform.scaledDecoding { throw unusable("decode") }
    let (mean, deviation) = (try numbers("mean"), try numbers("deviation"))
    do {
      try self.init(
        size: size, filter: filter, aspect: aspect, colour: colour, window: window, order: order,
        fastDecode: settings["decode"] != nil, frame: frame, rescale: rescale, mean: mean,
        standardDeviation: deviation)
    } catch let error as CarinaError {
      throw error.about(source)
    }
  }

  private static func unusable(_ key: String, _ value: JSONValue?, _ source: String) -> CarinaError {
    let found = value?.shown ?? "nothing"
    return CarinaError(
      .badData, "the transform's setting \"\(key)\" is missing or not understood", at: source, found: found,
      remedy: "The data were made by another version; run preprocess again.")
  }

  /// This transform, which made the data, with the rescale, mean and standard deviation of the transform that a model's
  /// own configuration describes: what a training run uses and stores.
  /// - Throws: `CarinaError.badData` when sizes or filters differ; `location` names the data.
  package func withNormalization(of model: ImageTransform, at location: String) throws -> ImageTransform {
    guard size == model.size else {
      throw CarinaError(
        .badData, "the images have another size than the model needs", at: location, expected: "\(model.size) pixels",
        found: "\(size) pixels", remedy: "Run preprocess with \(setting: .imageSize) \(model.size).")
    }
    guard filter == model.filter else {
      throw CarinaError(
        .badData, "the images were resized by another filter than the model's image settings name", at: location,
        expected: model.filter.rawValue, found: filter.rawValue,
        remedy: "Run preprocess with \(setting: .visionModel) and this model, or with \(setting: .resizeFilter) "
          + "\(model.filter.rawValue).")
    }
    return try ImageTransform(
      size: size, filter: filter, aspect: aspect, colour: colour, window: window, order: order, fastDecode: fastDecode,
      frame: frame, rescale: model.rescale, mean: model.mean, standardDeviation: model.standardDeviation)
  }

  /// Refuses pixels that were made in another way than this transform makes them.
  /// - Throws: `CarinaError.badData` naming what differs.
  package func requireSamePixels(as other: ImageTransform, at location: String) throws {
    guard pixelID != other.pixelID else { return }
    let mine = JSONObject(pixelSettings), theirs = JSONObject(other.pixelSettings)
    func text(_ settings: JSONObject) -> String {
      Set(mine.keys).union(theirs.keys).sorted().filter { mine[$0] != theirs[$0] }
        .map { "\($0) \(settings[$0]?.shown ?? ($0 == "decode" ? "exact" : "none"))" }.joined(
          separator: ", ")
    }
    throw CarinaError(
      .badData, "the images were prepared in another way than the model needs", at: location,
      expected: text(mine), found: text(theirs), remedy: "Run preprocess with the model's image settings.")
  }
}
