import Foundation
import TestSupport
import Testing

import Carina

@Suite struct JoinedModelTests {
  private let directory: TemporaryDirectory
  private let language: ModelDirectory, vision: ModelDirectory
  private let model: VisionLanguageModel
  private let description: JoinedModelWriter.Description

  init() throws {
    directory = try TemporaryDirectory()
    let golden = try CheckpointGoldens.path("model/joined-bare-tower")
    language = ModelDirectory(path: directory.file("source/language"))
    vision = ModelDirectory(path: directory.file("source/vision"))
    let files = FileManager.default
    try files.createDirectory(atPath: directory.file("source"), withIntermediateDirectories: true)
    try files.copyItem(atPath: "\(golden)/language_model", toPath: language.path)
    try files.copyItem(atPath: "\(golden)/vision", toPath: vision.path)
    try AtomicFile.write("{\"tokens\": []}", to: language.file("tokenizer.json"))
    model = try VisionLanguageModel(
      vision: vision.loadVisionEncoder(precision: .float32).model,
      projector: ModelDirectory(path: "\(golden)/projection_layer").loadProjector(precision: .float32).model,
      decoder: language.loadDecoder(precision: .float32).model, feature: .preNorm, dropsFirstPatch: true)
    description = JoinedModelWriter.Description(
      promptStyle: .plain, maximumQuestionTokens: 32, maximumAnswerTokens: 64,
      transform: try ImageTransform(size: 12), training: ["stage": 1, "step": 7])
  }

  private func write(
    _ path: String, languageModel: JoinedModelWriter.Storage, visionEncoder: JoinedModelWriter.Storage
  ) throws {
    try JoinedModelWriter.write(
      model, languageModel: languageModel, visionEncoder: visionEncoder, tokenizer: language, description: description,
      type: .float32, to: path)
  }

  @Test("copies and references load as the same model")
  func roundTrip() throws {
    for (name, languageStorage, visionStorage) in [
      ("copies", JoinedModelWriter.Storage.copy, JoinedModelWriter.Storage.copy),
      ("references", .reference(language), .reference(vision)),
    ] {
      let path = directory.file("run-\(name)/final_model")
      try write(path, languageModel: languageStorage, visionEncoder: visionStorage)
      let joined = try JoinedModelDirectory(path: path, environment: [:])
      #expect(joined.manifest.promptStyle == .plain)
      #expect(joined.manifest.maximumQuestionTokens == 32 && joined.manifest.maximumAnswerTokens == 64)
      #expect(try joined.manifest.transform() == description.transform)
      #expect(joined.manifest.training == description.training)
      #expect(joined.tokenizer.path == path)
      try joined.verify()
      let loaded = try joined.load(precision: .float32)
      #expect(loaded.model.feature == .preNorm && loaded.model.dropsFirstPatch)
      for (again, before) in [
        (loaded.model.decoder.parameters, model.decoder.parameters),
        (loaded.model.vision.parameters, model.vision.parameters),
        (loaded.model.projector.parameters, model.projector.parameters),
      ] {
        #expect(ParameterDigest(again) == ParameterDigest(before))
      }
      let names = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
      let copied = name == "copies" ? ["language_model", "vision_encoder"] : []
      #expect(names == (["carina.json", "projection_layer", "tokenizer.json"] + copied).sorted())
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory.file("run-\(name)")) == ["final_model"])
    }
  }

  @Test("a reference holds when everything moves together, and by the absolute path when only the run moves")
  func moving() throws {
    try write(directory.file("run/final_model"), languageModel: .reference(language), visionEncoder: .reference(vision))
    try FileManager.default.createDirectory(atPath: directory.file("deep/er"), withIntermediateDirectories: true)
    try FileManager.default.moveItem(atPath: directory.file("run"), toPath: directory.file("deep/er/run"))
    let runMoved = try JoinedModelDirectory(path: directory.file("deep/er/run/final_model"), environment: [:])
    #expect(runMoved.languageModel.path.hasSuffix("/source/language"))
    try FileManager.default.moveItem(atPath: directory.file("deep/er/run"), toPath: directory.file("run"))
    let all = try TemporaryDirectory()
    for name in ["run", "source"] {
      try FileManager.default.moveItem(atPath: directory.file(name), toPath: all.file(name))
    }
    let moved = try JoinedModelDirectory(path: all.file("run/final_model"), environment: [:])
    #expect(try moved.load(precision: .float32).model.decoder.parameters.count == model.decoder.parameters.count)
    try FileManager.default.removeItem(atPath: all.file("source/vision"))
    let error = try #require(
      thrownCarinaError { try JoinedModelDirectory(path: all.file("run/final_model"), environment: [:]) })
    #expect(error.kind == .missingInput)
    #expect(error.what.contains("vision_encoder"))
    #expect(error.expected?.contains("/source/vision") == true)
  }

  @Test("weights that are not the ones the model was made with are refused")
  func otherWeights() throws {
    let path = directory.file("run/final_model")
    try write(path, languageModel: .reference(language), visionEncoder: .copy)
    let other = Projector(model.projector.config, from: RandomParameterSource(seed: 5))
    try ModelDirectoryWriter.write(other, to: "\(path)/projection_layer", type: .float32)
    let error = try #require(thrownCarinaError { try JoinedModelDirectory(path: path, environment: [:]) })
    #expect(error.kind == .badData)
    #expect(error.location?.hasSuffix("projection_layer") == true)
    try write(path, languageModel: .reference(language), visionEncoder: .copy)
    try FileManager.default.removeItem(atPath: "\(path)/vision_encoder")
    #expect(
      thrownCarinaError { try JoinedModelDirectory(path: path, environment: [:]) }?.what.contains("no vision_encoder")
        == true)
  }

  @Test("the directory of a run leads to its final model")
  func runDirectory() throws {
    try write(directory.file("run/final_model"), languageModel: .copy, visionEncoder: .copy)
    let error = try #require(
      thrownCarinaError { try JoinedModelDirectory(path: directory.file("run"), environment: [:]) })
    #expect(error.kind == .missingInput)
    #expect(error.remedy?.contains(directory.file("run/final_model")) == true)
    #expect(
      thrownCarinaError { try JoinedModelDirectory(path: directory.file("none"), environment: [:]) }?.kind
        == .missingInput)
  }

  @Test("without a tokenizer nothing is written")
  func noTokenizer() throws {
    #expect(
      thrownCarinaError {
        try JoinedModelWriter.write(
          model, languageModel: .copy, visionEncoder: .copy, tokenizer: vision, description: description,
          type: .float32, to: directory.file("run/final_model"))
      }?.kind == .missingInput)
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.file("run")) == [])
  }

  @Test(
    "a manifest with a key that cannot be used names it",
    arguments: [
      ("format_version", 2), ("prompt_style", "chat"), ("vision_feature", nil), ("max_question_tokens", 0),
      ("max_answer_tokens", "64"), ("drop_first_patch", 1), ("transform", []), ("transform_id", "0123456789abcdef"),
      ("parts", [:]), ("parts", ["language_model": ["sha256": "x"]]),
    ] as [(String, JSONValue)])
  func manifestErrors(key: String, value: JSONValue) throws {
    let path = directory.file("run/final_model")
    try write(path, languageModel: .reference(language), visionEncoder: .copy)
    let manifest = try CarinaManifest(path: "\(path)/carina.json")
    #expect(try CarinaManifest(json: manifest.json, source: "again") == manifest)
    var object = try #require(manifest.json.object)
    object[key] = value
    let error = try #require(thrownCarinaError { try CarinaManifest(json: .object(object), source: "carina.json") })
    #expect(error.kind == .badData)
    #expect(error.description.contains(key))
  }
}
