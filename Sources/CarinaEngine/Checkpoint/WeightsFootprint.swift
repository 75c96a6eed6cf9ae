import CarinaModel
import CarinaTensor

/// What the weights of a model will take in memory, from their files' headers: before any is read.
package struct WeightsFootprint: Equatable, Sendable {
  /// Bytes of the mapped files that are used in place, while nothing of them is trained; what is converted or copied leaves the memory.
  package var mapped = 0
  /// Bytes of weights that are kept converted, because the file has another type.
  package var copied = 0
  /// Bytes more while all of them are trained: those of `Parameter.trainedByteCount` that are not in `copied` already.
  package var trained = 0

  /// Nothing.
  package init() {}

  /// - Parameters:
  ///   - renaming: from a name in the files to the engine's, as for `StrictLoader`.
  ///   - ignoring: tensors that are not loaded.
  ///   - frozen: tensors that are loaded and never trained.
  init(
    _ directory: WeightsDirectory, renaming: (String) -> String?, precision: ElementType,
    ignoring: [IgnoredTensors] = [], frozen: [IgnoredTensors] = []
  ) {
    for entry in directory.files.flatMap(\.entries) {
      guard let name = renaming(entry.name), name != TensorNames.headWeight,
        !ignoring.contains(where: { name.hasPrefix($0.prefix) })
      else { continue }
      let count = entry.shape.reduce(1, *)
      let type = StrictLoader.type(of: name, shape: entry.shape, precision: precision)
      let own = count * type.byteCount
      let isInPlace = entry.element == (type == .bfloat16 ? .bfloat16 : .float32)
      mapped += isInPlace ? entry.byteRange.count : 0
      copied += isInPlace ? 0 : own
      guard !frozen.contains(where: { name.hasPrefix($0.prefix) }) else { continue }
      trained += count * Parameter.trainedByteCount(type) - (isInPlace ? 0 : own)
    }
  }

  /// A fresh part of so many weights in one type, whose `vectorCount` norms and biases are fp32.
  init(weightCount: Int, vectorCount: Int, precision: ElementType) {
    copied = weightCount * precision.byteCount + vectorCount * 4
    trained =
      weightCount * (Parameter.trainedByteCount(precision) - precision.byteCount)
      + vectorCount * (Parameter.trainedByteCount(.float32) - 4)
  }
}

extension ModelDirectory {
  /// The vision encoder's configuration.
  /// - Throws: `CarinaError.missingInput`, `.badData`.
  package func visionConfig() throws -> VisionConfig {
    try VisionConfig.read(configuration(), source: file("config.json")).config
  }

  /// What the decoder's weights will take.
  /// - Throws: `CarinaError.missingInput`, `.badData`.
  package func decoderFootprint(precision: ElementType) throws -> WeightsFootprint {
    WeightsFootprint(try weights(), renaming: TensorNames.decoder, precision: precision)
  }

  /// What the vision encoder's weights will take; its pooling head is never trained with a decoder.
  /// - Throws: as `decoderFootprint`.
  package func visionFootprint(precision: ElementType) throws -> WeightsFootprint {
    WeightsFootprint(
      try weights(), renaming: TensorNames.vision, precision: precision, ignoring: TensorNames.textSide,
      frozen: [TensorNames.poolingHead])
  }

  /// What a projector's weights will take.
  /// - Throws: as `decoderFootprint`.
  package func projectorFootprint(precision: ElementType) throws -> WeightsFootprint {
    WeightsFootprint(try weights(), renaming: TensorNames.projector, precision: precision)
  }
}
