import CarinaRuntime

/// How a transform is written down, named and compared.
extension ImageTransform {
  /// The value of the setting `decode`, which exact decoding leaves out.
  private static let scaledDecoding = "scaled-dct"

  /// The settings that decide a shard's bytes.
  private var pixelSettings: [(String, JSONValue)] {
    [
      ("aspect", .string(aspect.rawValue)), ("colour", .string(colour.rawValue)), ("filter", "bicubic-antialias"),
      ("passes", .string(order.rawValue)), ("size", .integer(size)),
      ("window", window.map { .string($0.description) } ?? .null),
    ] + (fastDecode ? [("decode", .string(ImageTransform.scaledDecoding))] : [])
  }

  /// All settings, names in order.
  package var settings: JSONValue {
    .object(
      JSONObject(
        (pixelSettings + [
          ("deviation", .array(deviation.map(JSONValue.number))), ("mean", .array(mean.map(JSONValue.number))),
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
    func text(_ key: String) throws -> String {
      guard let value = settings[key]?.string else { throw ImageTransform.unusable(key, settings[key], source) }
      return value
    }
    func numbers(_ key: String) throws -> [Double] {
      guard let list = settings[key]?.array, list.count == 3, list.allSatisfy({ $0.double != nil }) else {
        throw ImageTransform.unusable(key, settings[key], source)
      }
      return list.compactMap(\.double)
    }
    guard settings["version"]?.int == 1 else { throw ImageTransform.unusable("version", settings["version"], source) }
    guard let aspect = Aspect(rawValue: try text("aspect")) else {
      throw ImageTransform.unusable("aspect", settings["aspect"], source)
    }
    guard try text("filter") == "bicubic-antialias" else {
      throw ImageTransform.unusable("filter", settings["filter"], source)
    }
    guard let colour = Colour(rawValue: try text("colour")) else {
      throw ImageTransform.unusable("colour", settings["colour"], source)
    }
    guard let order = PassOrder(rawValue: try text("passes")) else {
      throw ImageTransform.unusable("passes", settings["passes"], source)
    }
    guard let size = settings["size"]?.int else { throw ImageTransform.unusable("size", settings["size"], source) }
    guard let rescale = settings["rescale"]?.double else {
      throw ImageTransform.unusable("rescale", settings["rescale"], source)
    }
    var window: PixelPolicy?
    if let value = settings["window"], !value.isNull {
      guard let policy = value.string.flatMap(PixelPolicy.init(text:)) else {
        throw ImageTransform.unusable("window", value, source)
      }
      window = policy
    }
    if let decode = settings["decode"], decode.string != ImageTransform.scaledDecoding {
      throw ImageTransform.unusable("decode", decode, source)
    }
    try self.init(
      size: size, aspect: aspect, colour: colour, window: window, order: order, fastDecode: settings["decode"] != nil,
      rescale: rescale, mean: numbers("mean"), deviation: numbers("deviation"))
  }

  private static func unusable(_ key: String, _ value: JSONValue?, _ source: String) -> CarinaError {
    let found = value.map { (try? $0.serialized()) ?? "\($0)" } ?? "nothing"
    return CarinaError(
      .badData, "the transform's setting \"\(key)\" is missing or not understood", at: source, found: found,
      remedy: "The data were made by another version; run preprocess again.")
  }

  /// This transform, which made the data, with the rescale, mean and deviation of the transform that a model's own
  /// configuration describes: what a training run uses and stores.
  /// - Throws: `CarinaError.badData` when the sizes differ; `location` names the data.
  package func withNormalization(of model: ImageTransform, at location: String) throws -> ImageTransform {
    guard size == model.size else {
      throw CarinaError(
        .badData, "the images have another size than the model needs", at: location, expected: "\(model.size) pixels",
        found: "\(size) pixels", remedy: "Run preprocess with \(setting: .imageSize) \(model.size).")
    }
    return try ImageTransform(
      size: size, aspect: aspect, colour: colour, window: window, order: order, fastDecode: fastDecode,
      rescale: model.rescale, mean: model.mean, deviation: model.deviation)
  }

  /// Refuses pixels that were made in another way than this transform makes them.
  /// - Throws: `CarinaError.badData` naming what differs.
  package func requireSamePixels(as other: ImageTransform, at location: String) throws {
    guard pixelID != other.pixelID else { return }
    let mine = JSONObject(pixelSettings), theirs = JSONObject(other.pixelSettings)
    func text(_ settings: JSONObject) throws -> String {
      try Set(mine.keys).union(theirs.keys).sorted().filter { mine[$0] != theirs[$0] }
        .map { "\($0) \(try settings[$0]?.serialized() ?? "exact")" }.joined(separator: ", ")
    }
    throw CarinaError(
      .badData, "the images were prepared in another way than the model needs", at: location,
      expected: try text(mine), found: try text(theirs), remedy: "Run preprocess with the model's image settings.")
  }
}
