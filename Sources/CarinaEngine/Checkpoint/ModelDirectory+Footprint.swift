import CarinaModel
import CarinaRuntime
import CarinaTensor
import CarinaText
import Foundation

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

  /// Bytes of the tokenizer's files, which go along with a model.
  package var tokenizerByteCount: Int {
    TokenizerFactory.fileNames.reduce(0) { sum, name in
      let attributes = try? FileManager.default.attributesOfItem(atPath: file(name))
      return sum + ((attributes?[.size] as? NSNumber)?.intValue ?? 0)
    }
  }

  /// What a projector's weights will take.
  /// - Throws: as `decoderFootprint`.
  package func projectorFootprint(precision: ElementType) throws -> WeightsFootprint {
    WeightsFootprint(TensorTable(of: try projectorConfig()), in: try weights(), precision: precision)
  }
}
