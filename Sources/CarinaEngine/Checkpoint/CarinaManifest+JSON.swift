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
    let root = JSONNode(json, source: source)
    let version = try root["format_version"].read("a whole number", \.int)
    guard [CarinaManifest.formatVersion, CarinaManifest.adapterFormatVersion].contains(version) else {
      throw CarinaError(
        .badData, "is of a format that this version does not know", at: source,
        expected: "format_version \(CarinaManifest.formatVersion) or \(CarinaManifest.adapterFormatVersion)",
        found: "\(version)",
        remedy: "Use the version of Carina that wrote it.")
    }
    promptStyle = try root["prompt_style"].read(PromptStyle.words) { $0.string.flatMap(PromptStyle.init) }
    system = try root["system"].optional?.text()
    layout =
      try root["layout"].optional?.read("parts, gemma3 or llava") { $0.string.flatMap(Layout.init) } ?? .parts
    feature = try root["vision_feature"].read("post-norm or pre-norm") { $0.string.flatMap(VisionFeature.init) }
    maximumQuestionTokens = try root["max_question_tokens"].count(from: 1, expected: "a number of at least 1")
    maximumAnswerTokens = try root["max_answer_tokens"].count(from: 1, expected: "a number of at least 1")
    dropsFirstPatch = try root["drop_first_patch"].flag()
    transformSettings = .object(try root["transform"].object())
    transformID = try root["transform_id"].text()
    _ = try root["parts"].object()
    languageModel = try Part(root["parts"]["language_model"])
    visionEncoder = try Part(root["parts"]["vision_encoder"])
    projector = try Part(root["parts"]["projection_layer"])
    adapter = try root["adapter"].optional.map { try Part($0).identity }
    guard (version == CarinaManifest.adapterFormatVersion) == (adapter != nil) else {
      throw root["adapter"].failure(
        adapter == nil ? "an object, as in every file of format_version \(version)" : "nothing")
    }
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
    let always: JSONValue = [
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
    guard case .object(var object) = always else { return always }
    if let system { object["system"] = .string(system) }
    if layout != .parts { object["layout"] = .string(layout.rawValue) }
    if let adapter {
      object["adapter"] = Part(identity: adapter, reference: nil).json
      object["format_version"] = .integer(CarinaManifest.adapterFormatVersion)
    }
    return .object(object)
  }

  /// Writes the file beside and renames.
  /// - Throws: `CarinaError.cannotWrite`.
  public func write(to path: String) throws { try json.write(to: path) }
}

extension CarinaManifest.Part {
  init(_ node: JSONNode) throws {
    _ = try node.object()
    identity = WeightsIdentity(
      sha256: try node["sha256"].text(), sampled: try node["sampled_fingerprint"].text())
    reference = try node["reference"].optional.map {
      CarinaManifest.Reference(
        path: try $0["path"].text(), relativePath: try $0["relative_path"].text(), name: try $0["name"].text())
    }
  }

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
