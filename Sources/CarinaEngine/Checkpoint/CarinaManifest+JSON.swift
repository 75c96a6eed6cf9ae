import CarinaData
import CarinaModel
import CarinaRuntime
import CarinaText
import Foundation

extension CarinaManifest {
  /// Reads a `carina.json`.
  /// - Throws: `CarinaError.missingInput` when it is absent, `.badData` naming the key that cannot be used.
  package init(path: String) throws {
    try self.init(json: JSONValue.parseFile(path), source: path)
  }

  /// Reads a manifest; `source` names it in errors.
  /// - Throws: `CarinaError.badData` naming the key that cannot be used.
  package init(json: JSONValue, source: String) throws {
    let keys = ManifestKeys(json: json, source: source, prefix: "")
    let version = try keys.value("format_version", "a whole number", \.int)
    guard version == CarinaManifest.formatVersion else {
      throw CarinaError(
        .badData, "is of a format that this version does not know", at: source,
        expected: "format_version \(CarinaManifest.formatVersion)", found: "\(version)",
        remedy: "Use the version of Carina that wrote it.")
    }
    promptStyle = try keys.value("prompt_style", "gemma, plain or seed") { $0.string.flatMap(PromptStyle.init) }
    feature = try keys.value("vision_feature", "post-norm or pre-norm") { $0.string.flatMap(VisionFeature.init) }
    maximumQuestionTokens = try keys.value("max_question_tokens", "a number of at least 1", ManifestKeys.limit)
    maximumAnswerTokens = try keys.value("max_answer_tokens", "a number of at least 1", ManifestKeys.limit)
    dropsFirstPatch = try keys.value("drop_first_patch", "true or false", \.bool)
    transformSettings = try keys.value("transform", "an object") { $0.object == nil ? nil : $0 }
    transformID = try keys.value("transform_id", "a text", \.string)
    let parts = ManifestKeys(
      json: try keys.value("parts", "an object") { $0.object == nil ? nil : $0 }, source: source, prefix: "parts.")
    languageModel = try CarinaManifest.part("language_model", of: parts)
    visionEncoder = try CarinaManifest.part("vision_encoder", of: parts)
    projector = try CarinaManifest.part("projection_layer", of: parts)
    training = json["training"] ?? [:]
    let actual = try transform(source: source).id
    guard actual == transformID else {
      throw CarinaError(
        .badData, "transform and transform_id do not belong together", at: source, expected: actual,
        found: transformID, remedy: "The file was changed by hand, or its writer had other settings.")
    }
  }

  /// The image transform.
  /// - Throws: `CarinaError.badData` for settings that are not understood.
  public func transform(source: String = CarinaManifest.fileName) throws -> ImageTransform {
    try ImageTransform(settings: transformSettings, source: source)
  }

  /// What goes into the file.
  package var json: JSONValue {
    [
      "carina_version": .string(CarinaVersion.current),
      "drop_first_patch": .bool(dropsFirstPatch),
      "format_version": .integer(CarinaManifest.formatVersion),
      "max_answer_tokens": .integer(maximumAnswerTokens),
      "max_question_tokens": .integer(maximumQuestionTokens),
      "parts": [
        "language_model": languageModel.json, "projection_layer": projector.json, "vision_encoder": visionEncoder.json,
      ],
      "prompt_style": .string(promptStyle.rawValue),
      "training": training,
      "transform": transformSettings,
      "transform_id": .string(transformID),
      "vision_feature": .string(feature.rawValue),
    ]
  }

  /// Writes the file beside and renames.
  /// - Throws: `CarinaError.cannotWrite`.
  public func write(to path: String) throws { try ModelDirectoryWriter.writeJSON(json, to: path) }

  private static func part(_ name: String, of parts: ManifestKeys) throws -> Part {
    let keys = ManifestKeys(
      json: try parts.value(name, "an object") { $0.object == nil ? nil : $0 }, source: parts.source,
      prefix: "\(parts.prefix)\(name).")
    var reference: Reference?
    if let json = keys.json["reference"], !json.isNull {
      let inner = ManifestKeys(json: json, source: keys.source, prefix: "\(keys.prefix)reference.")
      reference = Reference(
        path: try inner.value("path", "a text", \.string),
        relativePath: try inner.value("relative_path", "a text", \.string),
        name: try inner.value("name", "a text", \.string))
    }
    return Part(
      identity: WeightsIdentity(
        sha256: try keys.value("sha256", "a text", \.string),
        sampled: try keys.value("sampled_fingerprint", "a text", \.string)),
      reference: reference)
  }
}

extension CarinaManifest.Part {
  var json: JSONValue {
    var object = JSONObject([
      ("sampled_fingerprint", .string(identity.sampled)), ("sha256", .string(identity.sha256)),
    ])
    if let reference {
      object["reference"] = [
        "name": .string(reference.name), "path": .string(reference.path),
        "relative_path": .string(reference.relativePath),
      ]
    }
    return .object(object)
  }
}

/// Keys of a file that the engine itself writes: each must be there and be what it should.
struct ManifestKeys {
  let json: JSONValue
  let source: String
  let prefix: String

  /// The value of a key, read by `read`; nil from it is an error.
  func value<Value>(_ key: String, _ expected: String, _ read: (JSONValue) throws -> Value?) throws -> Value {
    guard let value = json[key], let result = try read(value) else {
      throw CarinaError(
        .badData, "\"\(prefix)\(key)\" is missing or cannot be used", at: source, expected: expected,
        found: json[key].flatMap { try? String($0.serialized().prefix(80)) } ?? "nothing")
    }
    return result
  }

  /// A whole number of at least 1.
  static func limit(_ value: JSONValue) -> Int? { value.int.flatMap { $0 >= 1 ? $0 : nil } }

  /// A whole number of at least 0.
  static func count(_ value: JSONValue) -> Int? { value.int.flatMap { $0 >= 0 ? $0 : nil } }
}
