import Carina

extension ModelDirectory {
  /// Reads both towers of a `SiglipModel`.
  /// - Throws: as `loadDecoder`.
  func loadSiglip(precision: ElementType) throws -> LoadedPart<SiglipModel> {
    let json = try configuration()
    guard json["model_type"] == "siglip" else {
      throw CarinaError(
        .badData, "is not a whole SigLIP model", at: file("config.json"), expected: "model_type siglip",
        found: json["model_type"]?.string)
    }
    let (vision, unknownVision) = try VisionConfig.read(json, source: file("config.json"))
    let (text, unknownText) = try TextEncoderConfig.read(json, source: file("config.json"))
    guard vision.hasPoolingHead else {
      throw CarinaError(
        .badData, "the vision tower has no pooling head, which the contrastive loss needs", at: file("config.json"),
        expected: "\"vision_use_head\": true")
    }
    guard text.projectionSize == vision.hiddenSize else {
      throw CarinaError(
        .badData, "the two towers give embeddings of different sizes", at: file("config.json"),
        expected: "text projection_size \(vision.hiddenSize), the vision width", found: "\(text.projectionSize)")
    }
    let unknown = unknownVision + unknownText.filter { !unknownVision.contains($0) }
    return try load(unknown, .siglip, precision: precision) {
      SiglipModel(vision: vision, text: text, from: $0)
    }
  }
}
