import CarinaModel
import CarinaTensor

/// How much of a contrastive batch goes through a tower at once, and the gradient of a whole batch from such pieces (Gao
/// et al. 2021, GradCache).
///
/// Every image is compared with every text, so the loss needs all embeddings; the towers treat images and texts one by
/// one. So all embeddings are computed first, nothing being recorded; the loss gives their gradient; and each tower runs
/// again, piece by piece, to hand its part of that gradient on to the weights. The sum is that of one pass.
///
/// The second pass goes from the last piece of images to the first: the last one needs none, as it is recorded the first
/// time, and of `keptPieces` before it the MLPs' results are there. No digit depends on how many are kept.
package struct ContrastivePieces: Equatable, Sendable {
  /// Images, and texts, of a piece.
  package let images: Int, texts: Int
  /// Of how many pieces of images before the last one the second pass finds what the MLPs added in the first.
  package var keptPieces = 0

  /// Names the sizes.
  package init(images: Int, texts: Int, keptPieces: Int = 0) {
    self.images = images
    self.texts = texts
    self.keptPieces = keptPieces
  }

  /// Whether a backend has a second pass that reads what the first has kept.
  package static func keepsTerms(on backend: any Backend) -> Bool { backend.activations == .float32 }

  /// So many images, and as many texts as have about as many rows.
  package init(images: Int, vision: VisionConfig, textLength: Int) {
    let rows = images.multipliedReportingOverflow(by: vision.patchCount)
    self.init(images: images, texts: max(images, rows.overflow ? images : rows.partialValue / max(textLength, 1)))
  }

  /// Whether a batch is more than one piece.
  func divides(_ batch: ContrastiveBatch) -> Bool { batch.imageCount > images || batch.texts.count > texts }

  /// Embeddings of `count` rows a piece at a time, [count, E], off every tape.
  func embeddings(_ count: Int, by size: Int, _ tower: (Range<Int>) throws -> Tensor) rethrows -> Tensor? {
    var all: Tensor?
    for range in Self.ranges(count, by: size) {
      let piece = try tower(range).detached
      if range.count == count { return piece }
      let target =
        all
        ?? Tensor(
          uninitialized: [count, piece.width], elementType: piece.elementType, on: piece.backend)
      piece.backend.copy(piece, into: target.rowSlice(range))
      all = target
    }
    return all
  }

  static func ranges(_ count: Int, by size: Int) -> [Range<Int>] {
    stride(from: 0, to: count, by: size).map { $0..<(count - $0 > size ? $0 + size : count) }
  }

  /// Forward and backward: adds the gradient of (sum of the losses) / divisor to the weights that are trained.
  /// - Parameter betweenPieces: called before each piece.
  /// - Returns: the sum of losses over the divisor, [1].
  /// - Throws: what `betweenPieces` throws; the gradients are then those of a part.
  func accumulate(
    _ batch: ContrastiveBatch, model: SiglipModel, divisor: Float, isCheckpointed: Bool, finiteWatch: FiniteWatch?,
    betweenPieces: () throws -> Void
  ) throws -> Tensor {
    // Every piece meets the same weights, twice.
    let held = (model.vision.maps + model.text.maps).map(\.weight).filter(\.isTrainable)
    for weight in held { weight.hold() }
    defer { for weight in held { weight.letGo() } }
    let trainsImages = model.vision.parameters.contains(where: \.isTrainable)
    let trainsTexts = model.text.parameters.contains(where: \.isTrainable)
    let towers = PieceTowers(
      model: model, batch: batch, isCheckpointed: isCheckpointed, trainsTexts: trainsTexts, finiteWatch: finiteWatch)
    guard
      let texts = try embeddings(
        batch.texts.count, by: self.texts,
        {
          try betweenPieces()
          return towers.texts($0, towers.probe())
        })
    else { return Tensor(zeros: [1], on: model.backend) }
    // The last piece is recorded at once, and what others have kept is there for their second pass.
    let ranges = Self.ranges(batch.imageCount, by: images)
    var last: Tensor?, lastTape: Tape?, kept: [KeptTerms?] = []
    let images = try embeddings(batch.imageCount, by: images) { range in
      try betweenPieces()
      guard trainsImages, range.upperBound == batch.imageCount else {
        let keeps = trainsImages && !isCheckpointed && ranges.count - 1 - kept.count <= keptPieces
        let terms = keeps ? KeptTerms() : nil
        kept.append(terms)
        defer { terms?.complete() }
        return towers.images(range, kept: terms, towers.probe())
      }
      let tape = Tape(finiteWatch: finiteWatch), piece = towers.images(range, kept: nil, tape)
      (last, lastTape) = (piece, tape)
      return piece
    }
    guard let images else { return Tensor(zeros: [1], on: model.backend) }

    let tape = Tape(finiteWatch: finiteWatch)
    let watchedImages = trainsImages ? tape.watch(images) : images
    let watchedTexts = trainsTexts ? tape.watch(texts) : texts
    let loss = sigmoidContrastiveLoss(
      images: l2Normalize(watchedImages, tape: tape), texts: l2Normalize(watchedTexts, tape: tape),
      isPositive: batch.isPositive, logScale: model.logScale, bias: model.logitBias, divisor: divisor, tape: tape
    ).loss
    tape.backward(from: loss)

    if let gradient = tape.gradient(of: watchedImages), let last, let lastTape {
      for (index, range) in ranges.enumerated().reversed() {
        try betweenPieces()
        let isLast = index == ranges.count - 1
        let pieceTape = isLast ? lastTape : Tape(finiteWatch: finiteWatch)
        let piece = isLast ? last : towers.images(range, kept: kept[index], pieceTape)
        kept.removeLast(isLast ? 0 : 1)
        pieceTape.backward(from: piece, seed: gradient.rowSlice(range).copied())
      }
    }
    if let gradient = tape.gradient(of: watchedTexts) {
      for range in Self.ranges(watchedTexts.rows, by: self.texts) {
        try betweenPieces()
        let pieceTape = Tape(finiteWatch: finiteWatch)
        let piece = towers.texts(range, pieceTape)
        pieceTape.backward(from: piece, seed: gradient.rowSlice(range).copied())
      }
    }
    return loss.detached
  }
}

/// Both towers over pieces of one batch.
private struct PieceTowers {
  let model: SiglipModel, batch: ContrastiveBatch
  let isCheckpointed: Bool, trainsTexts: Bool
  let finiteWatch: FiniteWatch?

  /// A watch learns from a tape which operation made the first number that is not finite.
  func probe() -> Tape? { finiteWatch.map { Tape(finiteWatch: $0) } }

  func images(_ range: Range<Int>, kept: KeptTerms?, _ tape: Tape?) -> Tensor {
    let pixels = batch.pixels.rowSlice(range), reruns = isCheckpointed && tape != nil
    guard ContrastivePieces.keepsTerms(on: model.backend) else {
      return model.imageEmbeddings(pixels, count: range.count, isCheckpointed: reruns, tape: tape)
    }
    return model.imageEmbeddingsInPieces(
      pixels, count: range.count, isCheckpointed: reruns, kept: kept, tape: tape)
  }

  func texts(_ range: Range<Int>, _ tape: Tape?) -> Tensor {
    model.text.pooled(
      Array(batch.texts[range]), isCheckpointed: isCheckpointed && tape != nil, isFused: true,
      isInPieces: trainsTexts && ContrastivePieces.keepsTerms(on: model.backend), tape: tape)
  }
}
