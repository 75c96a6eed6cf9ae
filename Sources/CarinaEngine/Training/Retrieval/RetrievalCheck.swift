import CarinaModel
import CarinaRuntime
import CarinaTensor

/// Loss and retrieval of a SigLIP on held-out images and their texts, nothing being trained on them.
package struct RetrievalCheck {
  private static let rowsAtOnce = 256

  private let model: SiglipModel
  private let pairs: ContrastivePairs
  private let samples: any TrainingSamples
  private let pieces: ContrastivePieces
  private let batchSize: Int

  /// - Parameters:
  ///   - pieces: how much goes through a tower at once.
  ///   - batchSize: images whose texts are each other's negatives in the loss, in the order of the samples.
  package init(
    model: SiglipModel, pairs: ContrastivePairs, samples: any TrainingSamples, pieces: ContrastivePieces, batchSize: Int
  ) {
    self.model = model
    self.pairs = pairs
    self.samples = samples
    self.pieces = pieces
    self.batchSize = batchSize
  }

  /// Mean loss an image, in batches as in training, and retrieval among all images and all texts.
  /// - Parameter shouldStop: asked before each piece.
  /// - Throws: what reading pixels throws; `CarinaError.badData` where there are no images or texts; `StopRequest`.
  package func run(shouldStop: () -> Bool = { false }) throws -> (loss: Double, scores: RetrievalScores) {
    let rows = pairs.images.map(\.image)
    let imageTower = { (range: Range<Int>) throws -> Tensor in
      try StopRequest.check(shouldStop)
      let pixels = try PixelBatch.read(Array(rows[range]), from: samples, on: model.backend)
      return l2Normalize(model.imageEmbeddings(pixels, count: range.count, tape: nil), tape: nil)
    }
    guard let images = try pieces.embeddings(rows.count, by: pieces.images, imageTower),
      let texts = try pieces.embeddings(
        pairs.texts.count, by: pieces.texts,
        {
          try StopRequest.check(shouldStop)
          return l2Normalize(model.text.pooled(Array(pairs.texts[$0]), isFused: true, tape: nil), tape: nil)
        })
    else {
      throw CarinaError(.badData, "there are no images or no texts to look for")
    }
    let describes = pairs.images.map(\.texts)
    var shows = [Set<Int>](repeating: [], count: pairs.texts.count)
    for (image, texts) in describes.enumerated() { for text in texts { shows[text].insert(image) } }
    return (
      loss(images, texts),
      RetrievalScores(
        imageRanks: Self.ranks(images, among: texts, describes), textRanks: Self.ranks(texts, among: images, shows))
    )
  }

  private func loss(_ images: Tensor, _ texts: Tensor) -> Double {
    var sum = 0.0
    for range in ContrastivePieces.ranges(images.rows, by: batchSize) {
      let read = pairs.texts(of: range)
      let loss = sigmoidContrastiveLoss(
        images: images.rowSlice(range), texts: selectRows(texts, read, tape: nil),
        isPositive: pairs.isPositive(range, read), logScale: model.logScale, bias: model.logitBias, divisor: 1,
        tape: nil
      ).loss
      sum += Double(loss.values[0])
    }
    return sum / Double(images.rows)
  }

  /// How many that do not belong to a query come before the first that does, for each query; one that is as similar
  /// counts as before it, so that equal embeddings find nothing.
  private static func ranks(_ queries: Tensor, among others: Tensor, _ belong: [Set<Int>]) -> [Int] {
    ContrastivePieces.ranges(queries.rows, by: rowsAtOnce).flatMap { range in
      let scores = Tensor(uninitialized: [range.count, others.rows], on: queries.backend)
      queries.backend.multiply(
        MatrixFactor(queries.rowSlice(range)), MatrixFactor(others).transposed, into: scores, accumulate: false)
      return scores.withHostFloats { numbers in
        range.enumerated().map { index, query in
          let row = numbers[index * others.rows..<(index + 1) * others.rows]
          let best = belong[query].map { row[row.startIndex + $0] }.max() ?? -.infinity
          return row.indices.count { row[$0] >= best && !belong[query].contains($0 - row.startIndex) }
        }
      }
    }
  }
}
