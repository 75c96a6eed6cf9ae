import CarinaData
import CarinaModel
import CarinaRuntime
import CarinaTensor

extension FeatureIdentity {
  /// What the features that a joined model's projector reads depend on besides the image.
  /// - Parameters:
  ///   - weights: SHA-256 of the vision encoder's.
  ///   - adapters: fingerprints of adapters beside them.
  ///   - precision: the type of the weights in products, and of the features in the file: in bfloat16 the projector
  ///     rounds them so anyway.
  /// - Throws: `CarinaError.internalFailure`.
  package init(
    _ model: VisionLanguageModel, weights: String, adapters: [String] = [], transform: ImageTransform,
    precision: ElementType
  ) throws {
    let config = model.vision.config
    var encoder = JSONObject([
      ("image_size", .integer(config.imageSize)),
      ("patch_size", .integer(config.patchSize)),
      ("channels", .integer(config.channelCount)),
      ("hidden_size", .integer(config.hiddenSize)),
      ("intermediate_size", .integer(config.intermediateSize)),
      ("layers", .integer(config.layerCount)),
      ("heads", .integer(config.headCount)),
      ("epsilon", .number(Double(config.epsilon))),
      ("activation", .string(config.activation.rawValue)),
      ("feature", .string(model.feature.rawValue)),
      ("drop_first_patch", .bool(model.dropsFirstPatch)),
    ])
    if model.vision.multipliesBytes {
      encoder["weights"] = .string("\(WeightStorage.int8.rawValue), \(ByteRounding.version)")
    }
    // Averages of blocks of patches, so many along a side.
    if let pooling = model.projector.config.pooling { encoder["pooled_to"] = .integer(pooling.tokensPerSide) }
    self.init(
      weights: adapters.isEmpty ? weights : SHA256Digest.of(([weights] + adapters).joined(separator: "\n")),
      encoder: try JSONValue.object(encoder).serialized(sortedKeys: true), transform: transform,
      elementType: precision, rowCount: model.keptRowsPerImage, width: config.hiddenSize)
  }
}
