import CarinaData
import CarinaModel
import CarinaRuntime
import CarinaTensor

extension FeatureIdentity {
  /// What the features that a joined model's projector reads depend on besides the image.
  /// - Parameters:
  ///   - weights: the vision encoder's, all of whose bytes are hashed (a second for a billion bytes).
  ///   - adapters: fingerprints of adapters beside them.
  ///   - precision: the type of the weights in products, and of the features in the file: in bfloat16 the projector
  ///     rounds them so anyway.
  /// - Throws: as `WeightsDirectory.contentHash`.
  package init(
    _ model: VisionLanguageModel, weights: WeightsDirectory, adapters: [String] = [], transform: ImageTransform,
    precision: ElementType
  ) throws {
    let config = model.vision.config
    let encoder: JSONValue = [
      "image_size": .integer(config.imageSize), "patch_size": .integer(config.patchSize),
      "channels": .integer(config.channelCount), "hidden_size": .integer(config.hiddenSize),
      "intermediate_size": .integer(config.intermediateSize), "layers": .integer(config.layerCount),
      "heads": .integer(config.headCount), "epsilon": .number(Double(config.epsilon)),
      "activation": .string(config.activation.rawValue), "feature": .string(model.feature.rawValue),
      "drop_first_patch": .bool(model.dropsFirstPatch),
    ]
    let hash = try weights.contentHash()
    self.init(
      weights: adapters.isEmpty ? hash : SHA256Digest.of(([hash] + adapters).joined(separator: "\n")),
      encoder: try encoder.serialized(sortedKeys: true), transform: transform,
      elementType: precision, rowCount: model.featuresPerImage, width: config.hiddenSize)
  }
}
