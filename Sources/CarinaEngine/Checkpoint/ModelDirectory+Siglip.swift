import CarinaModel
import CarinaRuntime
import CarinaTensor

extension ModelDirectory {
  /// The configurations of both towers of a SigLIP.
  package struct SiglipReading: Sendable {
    /// The towers.
    package let vision: VisionConfig, text: TextEncoderConfig
    /// Keys that were neither read nor known to be harmless, with their path.
    package let unknownKeys: [String]

    /// Every tensor of the model.
    package var table: TensorTable { TensorTable(vision: vision, text: text) }
  }

  /// The configurations of a `SiglipModel`: both towers, with a pooling head and embeddings of one size.
  /// - Throws: `CarinaError.missingInput`; `.badData` for a tower alone, a SigLIP 2 of flexible image sizes, and what does
  ///   not fit together.
  package func siglipReading() throws -> SiglipReading {
    let json = try configuration(), source = file("config.json"), kind = json["model_type"]?.string
    guard kind == "siglip" else {
      throw CarinaError(
        .badData, "is not a whole SigLIP model", at: source, expected: "model_type siglip", found: kind,
        remedy: Self.siglipRemedy(kind))
    }
    let (vision, unknownVision) = try VisionConfig.read(json, source: source)
    let (text, unknownText) = try TextEncoderConfig.read(json, source: source)
    guard vision.hasPoolingHead else {
      throw CarinaError(
        .badData, "the vision tower has no pooling head, which the contrastive loss needs", at: source,
        expected: "\"vision_use_head\": true")
    }
    guard text.projectionSize == vision.hiddenSize else {
      throw CarinaError(
        .badData, "the two towers give embeddings of different sizes", at: source,
        expected: "text projection_size \(vision.hiddenSize), the vision width", found: "\(text.projectionSize)")
    }
    return SiglipReading(
      vision: vision, text: text, unknownKeys: unknownVision + unknownText.filter { !unknownVision.contains($0) })
  }

  private static func siglipRemedy(_ kind: String?) -> String? {
    switch kind {
    case "siglip2":
      "SigLIP 2 of flexible image sizes (NaFlex) is not computed here; its variants of one size are of the type siglip."
    case "siglip_vision_model", "gemma3", "llava":
      "This is a vision tower without the text tower that it was trained with: name the whole model."
    default: nil
    }
  }

  /// Refuses a SigLIP whose files hold no weights of one of the towers, by the headers alone.
  /// - Throws: `CarinaError.badData`.
  package func requireBothTowers() throws {
    let weights = try weights(), names = weights.names.compactMap(TensorFormat.siglip.engineName)
    for (prefix, what) in [("text_model.", "text"), ("vision_model.", "vision")]
    where !names.contains(where: { $0.hasPrefix(prefix) }) {
      throw CarinaError(
        .badData, "there are no weights of the \(what) tower, although config.json has one", at: path,
        expected: "both towers, which the contrastive loss compares",
        found: weights.names.prefix(3).joined(separator: ", "),
        remedy: "Take the whole SiglipModel, as it was published or trained.")
    }
  }

  /// Reads both towers of a `SiglipModel` with temperature and bias.
  /// - Throws: as `siglipReading`, and as `loadDecoder`.
  package func loadSiglip(precision: ElementType, on backend: any Backend) throws -> LoadedPart<SiglipModel> {
    let reading = try siglipReading()
    return try load(reading.unknownKeys, .siglip, precision: precision, on: backend) {
      SiglipModel(vision: reading.vision, text: reading.text, from: $0)
    }
  }
}
