import CarinaModel
import CarinaRuntime
import CarinaTensor
import CarinaText
import Foundation

extension ModelDirectory {
  /// The vision encoder's configuration.
  /// - Throws: `CarinaError.missingInput`, `.badData`.
  package func visionConfig() throws -> VisionConfig {
    try visionReading().config
  }

  /// What the decoder's weights will take.
  /// - Throws: `CarinaError.missingInput`, `.badData`.
  package func decoderFootprint(precision: ElementType) throws -> WeightsFootprint {
    let reading = try decoderConfig()
    return WeightsFootprint(
      TensorTable(of: reading.config, format: reading.format), in: try weights(), precision: precision)
  }

  /// What of that is the table of token embeddings.
  /// - Throws: as `decoderFootprint`.
  func embeddingFootprint(precision: ElementType) throws -> WeightsFootprint {
    try decoderFootprint(precision: precision, of: TensorFormat.embeddingName)
  }

  /// What of that is the output head, or the table of embeddings that is one too.
  /// - Throws: as `decoderFootprint`.
  func headFootprint(precision: ElementType) throws -> WeightsFootprint {
    try decoderFootprint(
      precision: precision,
      of: decoderConfig().config.hasOwnHead ? TensorFormat.headName : TensorFormat.embeddingName)
  }

  private func decoderFootprint(precision: ElementType, of name: String) throws -> WeightsFootprint {
    let reading = try decoderConfig()
    return WeightsFootprint(
      TensorTable(of: reading.config, format: reading.format), in: try weights(), precision: precision
    ) { $0 == name }
  }

  /// What the vision encoder's weights will take; its pooling head is never trained with a decoder.
  /// - Throws: as `decoderFootprint`.
  package func visionFootprint(precision: ElementType) throws -> WeightsFootprint {
    let reading = try visionReading()
    return WeightsFootprint(
      TensorTable(of: reading.config, format: reading.format), in: try weights(), precision: precision)
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
    WeightsFootprint(
      TensorTable(of: try projectorConfig(), format: joinedKind.map(TensorFormat.projector(in:))), in: try weights(),
      precision: precision)
  }
}
