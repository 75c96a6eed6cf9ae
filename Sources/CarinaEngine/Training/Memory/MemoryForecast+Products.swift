import CarinaModel
import CarinaTensor

extension MemoryForecast {
  /// The sizes of the micro-batches that a run begins with. The product library prepares each product for one number
  /// of rows, so memory grows with every size that comes up for the first time.
  package struct BatchSizes: Equatable {
    /// Rows of all sequences and rows that predict a supervised token, of a step's first micro-batch and of the others,
    /// whose gradients are added to those of the first.
    package var first = Rows(), others = Rows()
    /// Images of any.
    package var images: Set<Int> = []
    /// Images that the run reads, those that it reads again among them.
    package var imagesRead = 0

    /// Numbers of rows.
    package struct Rows: Equatable {
      package var all: Set<Int> = [], supervised: Set<Int> = []
    }

    /// None.
    package init() {}
  }

  /// Bytes of the products that will have been prepared: each matrix forwards, backwards, and to its own gradient where
  /// it is trained, for each number of rows that it meets.
  /// - Parameter directions: 1 where nothing goes backwards.
  static func preparedByteCount(_ plan: Plan, directions: Int = 2) -> Int {
    guard plan.packsFactors, plan.preparesProducts else { return 0 }
    let decoder = plan.decoder, vision = plan.vision, projector = plan.projector, policy = plan.policy
    let width = decoder.hiddenSize, heads = decoder.headCount * decoder.headSize
    let keys = Matrix(width, decoder.keyValueHeadCount * decoder.headSize)
    // Products of bytes are the engine's own.
    let block: Set =
      plan.roundsDecoder
      ? []
      : [
        Matrix(width, heads), Matrix(heads, width), Matrix(width, decoder.intermediateSize),
        Matrix(decoder.intermediateSize, width),
      ]
    let trainsVision = policy.trainsVisionInFirstEpoch
    let patches = Matrix(vision.channelCount * vision.patchSize * vision.patchSize, vision.hiddenSize)
    let tower: Set =
      plan.roundsVision
      ? [patches]
      : [
        patches, Matrix(vision.hiddenSize, vision.hiddenSize), Matrix(vision.hiddenSize, vision.intermediateSize),
        Matrix(vision.intermediateSize, vision.hiddenSize),
      ]
    let projection: Set = [
      Matrix(projector.inputSize, projector.hiddenSize), Matrix(projector.hiddenSize, projector.outputSize),
    ]
    var sizes = plan.sizes
    sizes.first.all.insert(plan.batch.rows)
    sizes.first.supervised.insert(plan.batch.supervised)
    sizes.images.insert(plan.batch.images)
    var count = 0, bytes = 0.0
    func add(_ matrices: Set<Matrix>, _ rows: Set<Int>, times: Int = 0, gradients: Int = 0) {
      for rows in rows {
        let each = matrices.count { OneDNNProduct.prepares($0.inputs, $0.outputs, rows: rows, plan.precision) }
        count += (times + gradients) * each
        bytes +=
          Double(times * each) * preparedByteCount(summed: 0) + Double(gradients * each)
          * preparedByteCount(summed: rows)
      }
    }
    // The last block reads all rows for its keys and values only.
    let whole: Set = plan.roundsDecoder ? [] : decoder.layerCount > 1 ? block.union([keys]) : [keys]
    let last = block.union([Matrix(width, decoder.vocabularySize)])
    add(whole, sizes.first.all.union(sizes.others.all), times: directions)
    add(last, sizes.first.supervised.union(sizes.others.supervised), times: directions)
    for part in policy.trainsDecoder ? [sizes.first, sizes.others] : [] {
      add(whole, part.all, gradients: 1)
      add(last, part.supervised, gradients: 1)
    }
    if let validation = plan.validation {
      add(whole, validation.sizes.others.all.subtracting(sizes.first.all.union(sizes.others.all)), times: 1)
      add(
        last, validation.sizes.others.supervised.subtracting(sizes.first.supervised.union(sizes.others.supervised)),
        times: 1)
      sizes.images.formUnion(validation.sizes.images)
    }
    add(
      tower, Set(sizes.images.map { $0 * vision.patchCount }), times: trainsVision ? 2 : 1,
      gradients: trainsVision ? 1 : 0)
    add(
      projection, Set(sizes.images.map { $0 * plan.rowsPerImage }),
      times: policy.trainsProjector || trainsVision ? 2 : 1,
      gradients: policy.trainsProjector ? 1 : 0)
    return Int(bytes * min(1, Double(OneDNNProduct.mostPrepared) / Double(max(count, 1))))
  }

  /// Bytes that a product takes when it is prepared, in code and descriptions, which grow with the rows that are summed
  /// for a weight's gradient: measured with oneDNN 2.6.3 on steps of 80 to 2,700 rows, 67 to 98 KiB on average.
  private static func preparedByteCount(summed rows: Int) -> Double { Double((70 << 10) + 54 * min(rows, 4096)) }

  private struct Matrix: Hashable {
    let inputs: Int, outputs: Int
    init(_ inputs: Int, _ outputs: Int) { (self.inputs, self.outputs) = (inputs, outputs) }
  }
}
