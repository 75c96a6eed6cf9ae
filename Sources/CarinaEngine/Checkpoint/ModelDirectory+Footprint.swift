import CarinaModel
import CarinaRuntime
import CarinaTensor

extension ModelDirectory {
  /// The vision encoder's configuration.
  /// - Throws: `CarinaError.missingInput`, `.badData`.
  package func visionConfig() throws -> VisionConfig {
    try VisionConfig.read(configuration(), source: file("config.json")).config
  }

  /// What the decoder's weights will take.
  /// - Throws: `CarinaError.missingInput`, `.badData`.
  package func decoderFootprint(precision: ElementType) throws -> WeightsFootprint {
    WeightsFootprint(TensorTable(of: try decoderConfig().config), in: try weights(), precision: precision)
  }

  /// What the vision encoder's weights will take; its pooling head is never trained with a decoder.
  /// - Throws: as `decoderFootprint`.
  package func visionFootprint(precision: ElementType) throws -> WeightsFootprint {
    WeightsFootprint(TensorTable(of: try visionConfig()), in: try weights(), precision: precision)
  }

  /// What a projector's weights will take.
  /// - Throws: as `decoderFootprint`.
  package func projectorFootprint(precision: ElementType) throws -> WeightsFootprint {
    WeightsFootprint(TensorTable(of: try projectorConfig()), in: try weights(), precision: precision)
  }
}
