import CarinaModel
import CarinaTensor

/// How much of a contrastive batch goes through a tower at once, and the gradient of a whole batch from such pieces (Gao
/// et al. 2021, GradCache).
///
/// Every image is compared with every text, so the loss needs all embeddings; the towers treat images and texts one by
/// one. So all embeddings are computed first, nothing being recorded; the loss gives their gradient; and each tower runs
/// again, piece by piece, to hand its part of that gradient on to the weights. The sum is that of one pass.
package struct ContrastivePieces: Equatable, Sendable {
  /// Images, and texts, of a piece.
  package let images: Int, texts: Int

  /// Names the sizes.
  package init(images: Int, texts: Int) {
    self.images = images
    self.texts = texts
  }

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
    func imageTower(_ range: Range<Int>, _ tape: Tape?) throws -> Tensor {
      try betweenPieces()
      return model.imageEmbeddings(
        batch.pixels.rowSlice(range), count: range.count, isCheckpointed: isCheckpointed && tape != nil, tape: tape)
    }
    func textTower(_ range: Range<Int>, _ tape: Tape?) throws -> Tensor {
      try betweenPieces()
      return model.text.pooled(
        Array(batch.texts[range]), isCheckpointed: isCheckpointed && tape != nil, isFused: true, tape: tape)
    }
    // Every piece meets the same weights, twice.
    let held = (model.vision.maps + model.text.maps).map(\.weight).filter(\.isTrainable)
    for weight in held { weight.hold() }
    defer { for weight in held { weight.letGo() } }
    // A watch learns from a tape which operation made the first number that is not finite.
    func probe() -> Tape? { finiteWatch.map { Tape(finiteWatch: $0) } }
    guard let images = try embeddings(batch.imageCount, by: images, { try imageTower($0, probe()) }),
      let texts = try embeddings(batch.texts.count, by: self.texts, { try textTower($0, probe()) })
    else { return Tensor(zeros: [1], on: model.backend) }

    let tape = Tape(finiteWatch: finiteWatch)
    let watchedImages = model.vision.parameters.contains(where: \.isTrainable) ? tape.watch(images) : images
    let watchedTexts = model.text.parameters.contains(where: \.isTrainable) ? tape.watch(texts) : texts
    let loss = sigmoidContrastiveLoss(
      images: l2Normalize(watchedImages, tape: tape), texts: l2Normalize(watchedTexts, tape: tape),
      isPositive: batch.isPositive, logScale: model.logScale, bias: model.logitBias, divisor: divisor, tape: tape
    ).loss
    tape.backward(from: loss)

    func again(_ watched: Tensor, by size: Int, _ tower: (Range<Int>, Tape?) throws -> Tensor) throws {
      guard let gradient = tape.gradient(of: watched) else { return }
      for range in Self.ranges(watched.rows, by: size) {
        let pieceTape = Tape(finiteWatch: finiteWatch)
        let piece = try tower(range, pieceTape)
        pieceTape.backward(from: piece, seed: gradient.rowSlice(range).copied())
      }
    }
    try again(watchedImages, by: self.images, imageTower)
    try again(watchedTexts, by: self.texts, textTower)
    return loss.detached
  }
}
