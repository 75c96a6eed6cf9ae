import CarinaRuntime
import CarinaTensor

/// The joined model: vision encoder, projector and decoder; an image's projected patches stand among the token
/// embeddings (Liu et al. 2023, LLaVA).
public final class VisionLanguageModel {
  /// The three parts.
  public let vision: VisionEncoder, projector: Projector, decoder: Decoder
  /// Which features the projector reads.
  public let feature: VisionFeature
  /// Whether the first patch is left out, as checkpoints of the Python project expect.
  public let dropsFirstPatch: Bool
  /// How the rows of an image see each other in the decoder.
  package let imageAttention: ImageAttention

  /// Joins three parts whose widths agree.
  /// - Parameter imageAttention: nil for what belongs to the projector: mutual with Gemma 3's form, else causal.
  /// - Throws: `CarinaError.badData` when they do not.
  package init(
    vision: VisionEncoder, projector: Projector, decoder: Decoder, feature: VisionFeature = .postNorm,
    dropsFirstPatch: Bool = false, imageAttention: ImageAttention? = nil
  ) throws {
    guard projector.config.inputSize == vision.config.hiddenSize else {
      throw CarinaError(
        .badData, "the projector does not fit the vision encoder", expected: "features of \(vision.config.hiddenSize)",
        found: "a projector of \(projector.config.inputSize)", remedy: "Use the projector trained with this encoder.")
    }
    guard projector.config.outputSize == decoder.config.hiddenSize else {
      throw CarinaError(
        .badData, "the projector does not fit the language model", expected: "rows of \(decoder.config.hiddenSize)",
        found: "a projector onto \(projector.config.outputSize)", remedy: "Use the projector trained with this model.")
    }
    try projector.config.requireGrid(of: vision.config, dropsFirstPatch: dropsFirstPatch)
    self.vision = vision
    self.projector = projector
    self.decoder = decoder
    self.feature = feature
    self.dropsFirstPatch = dropsFirstPatch
    self.imageAttention = imageAttention ?? (projector.config.form == .gemma3 ? .mutual : .causal)
  }

  /// What computes with the weights.
  package var backend: any Backend { decoder.backend }

  /// Feature rows of an image, as the projector reads them.
  package var featuresPerImage: Int { vision.config.patchCount - (dropsFirstPatch ? 1 : 0) }

  /// Feature rows of an image that are kept: pooled where the projector begins with that.
  package var keptRowsPerImage: Int { projector.config.pooling?.tokenCount ?? featuresPerImage }

  /// Rows that an image takes in a sequence.
  package var rowsPerImage: Int { projector.config.rowCount(features: featuresPerImage) }

  /// Vision features of images as the projector reads them: [count · featuresPerImage, W].
  public func features(_ pixels: Tensor, count: Int, isCheckpointed: Bool = false, tape: Tape?) -> Tensor {
    let all = vision.features(pixels, count: count, kind: feature, isCheckpointed: isCheckpointed, tape: tape)
    guard dropsFirstPatch else { return all }
    let patches = vision.config.patchCount
    return selectRows(all, (0..<count).flatMap { image in (1..<patches).map { image * patches + $0 } }, tape: tape)
  }

  /// The same as far as the projector needs no weight for it, [count · keptRowsPerImage, W]; see `Projector.pooled`.
  package func pooledFeatures(_ pixels: Tensor, count: Int, isCheckpointed: Bool = false, tape: Tape?) -> Tensor {
    projector.pooled(features(pixels, count: count, isCheckpointed: isCheckpointed, tape: tape), tape: tape)
  }

  /// Embeddings of packed sequences.
  ///
  /// - Parameters:
  ///   - sequences: the sequences; every image index refers to `imageRows`.
  ///   - imageRows: projected rows of all images, [images · rowsPerImage, D]; nil when no sequence has one.
  ///   - dropsLast: leaves out each sequence's last token, which predicts nothing.
  /// - Returns: [R, D] and the rows of each sequence.
  package func embed(_ sequences: [ImageTextSequence], imageRows: Tensor?, dropsLast: Bool = false, tape: Tape?) -> (
    x: Tensor, lengths: [Int]
  ) {
    let perImage = rowsPerImage
    let imageCount = imageRows.map { $0.rows / max(perImage, 1) } ?? 0
    var ids: [Int] = [], tokenRows: [Int] = [], lengths: [Int] = [], next = 0
    var imageStarts = [[Int]](repeating: [], count: imageCount)
    for sequence in sequences {
      let after = dropsLast ? Array(sequence.tokensAfter.dropLast()) : sequence.tokensAfter
      let first = next
      for id in sequence.tokensBefore {
        ids.append(id)
        tokenRows.append(next)
        next += 1
      }
      for (index, image) in sequence.images.enumerated() {
        imageStarts[image].append(next)
        next += perImage
        guard index < sequence.tokensBetween.count else { continue }
        for id in sequence.tokensBetween[index] {
          ids.append(id)
          tokenRows.append(next)
          next += 1
        }
      }
      for id in after {
        ids.append(id)
        tokenRows.append(next)
        next += 1
      }
      lengths.append(next - first)
    }
    var parts = [(tensor: decoder.embed(ids, tape: tape), destinations: tokenRows)]
    if let imageRows {
      // An image asked about several times is laid out several times from one encoding.
      let sources = imageStarts.enumerated().flatMap { image, starts in starts.map { (image, $0) } }
      let distinct = sources.count == imageCount && imageStarts.allSatisfy { $0.count == 1 }
      let destinations = sources.flatMap { $0.1..<$0.1 + perImage }
      let rows =
        distinct
        ? imageRows
        : selectRows(imageRows, sources.flatMap { $0.0 * perImage..<($0.0 + 1) * perImage }, tape: tape)
      parts.append((rows, destinations))
    }
    let x = assembleRows(
      parts.filter { !$0.destinations.isEmpty }, rowCount: next, on: backend, tape: tape)
    return (x, lengths)
  }

  /// The rows of each sequence that see each other both ways, a run for each image; nil where all are causal.
  package func mutualRuns(of sequences: [ImageTextSequence]) -> [[Range<Int>]]? {
    imageAttention == .mutual ? sequences.map { $0.imageRuns(imageRows: rowsPerImage) } : nil
  }

  /// The language-model loss on supervised tokens, times `scale`, and each one's loss in order: its negative log
  /// likelihood, unless labels are smoothed (see `crossEntropy`).
  public func loss(
    _ sequences: [ImageTextSequence], imageRows: Tensor?, scale: Float, labelSmoothing: Double = 0,
    isCheckpointed: Bool = false, tape: Tape?
  ) -> CrossEntropyResult {
    let (x, lengths) = embed(sequences, imageRows: imageRows, dropsLast: true, tape: tape)
    return decoder.supervisedLoss(
      x, lengths: lengths, mutualRuns: mutualRuns(of: sequences), sequences: sequences, scale: scale,
      labelSmoothing: labelSmoothing, isCheckpointed: isCheckpointed, tape: tape)
  }
}
