import CarinaData
import CarinaModel
import CarinaRuntime
import CarinaTensor

/// The parts of a model, read and joined.
public struct JoinedPipeline {
  /// The joined model, all weights frozen.
  public let model: VisionLanguageModel
  /// The decoder and the vision encoder, with what there is to say about their reading.
  package let language: LoadedPart<Decoder>, vision: LoadedPart<VisionEncoder>
  /// The same of the projector; nil for a fresh one.
  package let projector: LoadedPart<Projector>?
  /// The directory of the tokenizer's files.
  package let tokenizer: ModelDirectory
  /// The type of the weights in products.
  package let precision: ElementType
  /// What stands beside the weights.
  package internal(set) var adapters: [AttachedAdapter] = []

  /// Every directory that was read.
  var directories: [String] {
    [language.directory, vision.directory, tokenizer].map(\.path) + [projector?.directory.path].compactMap { $0 }
      + adapters.map(\.bundle.path)
  }

  /// Begins to watch the files of all weights that were read, and of the tokenizer.
  /// - Throws: `CarinaError.badData` when some have changed since.
  func watches() throws -> [ModelWatch] {
    try
      ([vision.weights, language.weights, projector?.weights].compactMap { $0 }
      + adapters.flatMap { $0.bundle.files.map(\.weights) }).map { try ModelWatch($0) }
      + [try ModelWatch(tokenizerOf: tokenizer)]
  }

  /// Keys of the parts' configurations that were not read, `FILE: KEY`, for the log.
  package var unknownKeys: [String] {
    func unknown(_ directory: ModelDirectory, _ keys: [String]) -> [String] {
      keys.map { "\(directory.file("config.json")): \($0)" }
    }
    return unknown(language.directory, language.unknownKeys) + unknown(vision.directory, vision.unknownKeys)
  }

  /// What there is to say of the reading of the parts, for the log: a short line each.
  package var remarks: [String] {
    readingRemarks
      + adapters.flatMap { adapter in
        adapter.bundle.files.flatMap { file in
          file.configuration.unknownKeys.map {
            "\(file.path)/\(AdapterDirectory.fileName): \($0) is not known and not used"
          }
        }
      }
  }

  /// Of parts that lie in one directory together: what one of them leaves there is another's.
  private var readingRemarks: [String] {
    typealias Reading = (directory: ModelDirectory, remarks: [String], summary: StrictLoader.Summary)
    var readings: [Reading] = [
      (language.directory, language.configRemarks, language.summary),
      (vision.directory, vision.configRemarks, vision.summary),
    ]
    if let projector { readings.append((projector.directory, projector.configRemarks, projector.summary)) }
    var paths: [String] = []
    for reading in readings where !paths.contains(reading.directory.path) { paths.append(reading.directory.path) }
    return paths.flatMap { path -> [String] in
      let group = readings.filter { $0.directory.path == path }
      guard let first = group.first else { return [] }
      var configuration: [String] = []
      for remark in group.flatMap(\.remarks) where !configuration.contains(remark) { configuration.append(remark) }
      let summary = StrictLoader.Summary(together: group.map(\.summary))
      return configuration + summary.remarks.map { "\(first.directory.reference): \($0)" }
    }
  }

  /// Opens the file in which the vision features of images are kept, or makes it.
  /// - Parameters:
  ///   - transform: from the stored pixels to the encoder's numbers.
  ///   - imageCount: how many images to make room for.
  /// - Throws: as `FeatureCache.init`.
  func featureCache(_ path: String, transform: ImageTransform, imageCount: Int) throws -> FeatureCache {
    // Beside a decoder the tower's own tensors are hashed, a tenth of the bytes.
    let weights =
      try vision.directory.isJoined
      ? vision.weights.contentHash(of: vision.directory.visionReading().format) : vision.weights.contentHash()
    return try FeatureCache(
      path,
      identity: FeatureIdentity(
        model, weights: weights, adapters: visionAdapters, transform: transform, precision: precision),
      imageCount: imageCount, on: model.backend)
  }
}
