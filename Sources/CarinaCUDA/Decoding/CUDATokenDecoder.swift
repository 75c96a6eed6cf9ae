import CarinaTensor

/// One more token of up to eight sequences, seven kernels a block: every matrix is read once, and norms and sums are done by the
/// blocks of the product that reads them.
struct CUDATokenDecoder: TokenDecoder {
  let backend: CUDABackend

  let mostRows = 8
  private let threads = 256

  func decode(
    _ state: ResidualSum, through block: DecoderBlockWeights, rotation: RotaryTable, positions: [Int32],
    cache: (keys: Tensor, values: Tensor, rows: [Int]), layout: AttentionLayout
  ) -> ResidualSum {
    let rows = state.x.rows, width = state.x.width, headSize = layout.headSize
    let queryRows = block.query.rows, keyRows = block.key.rows
    let products = Tensor(uninitialized: [rows, queryRows + 2 * keyRows], on: backend)
    let first = state.branch == nil ? state.x : Tensor(uninitialized: state.x.shape, on: backend)
    launch(
      "decode_heads_products", rows, width, outputs: queryRows + 2 * keyRows,
      residual(state, gain: block.inputGain, epsilon: block.epsilon) + [
        .tensor(block.query), .tensor(block.key), .tensor(block.value), .int32(queryRows), .int32(keyRows),
        .tensor(first), .tensor(products),
      ])
    let query = Tensor(uninitialized: [rows, queryRows], elementType: .bfloat16, on: backend)
    backend.launch(
      KernelName("decoding", "decode_heads", CUDABackend.rowDefines[rows]),
      grid: LaunchGrid(layout.heads + 2 * layout.keyValueHeads, rows), threads: min(256, max(32, headSize)),
      early: true,
      [
        .tensor(products), .tensor(block.queryGain), .tensor(block.keyGain), .float(block.epsilon),
        .int32(layout.heads), .int32(layout.keyValueHeads), .int32(headSize),
        .tensor(backend.arrayOnCard(rotation.cosines)),
        .tensor(backend.arrayOnCard(rotation.sines)), .tensor(backend.arrayOnCard(positions)),
        .tensor(backend.arrayOnCard(cache.rows)), .tensor(query), .tensor(cache.keys),
        .tensor(cache.values),
      ])
    let mixed = Tensor(uninitialized: [rows, queryRows], elementType: .bfloat16, on: backend)
    backend.attention(
      query, cache.keys, cache.values, layout, products: .bfloat16, into: mixed, keepsStatistics: false)
    let attended = ResidualSum(x: first, branch: (product(mixed, block.output), block.postAttentionGain))
    let inner = Tensor(uninitialized: [rows, block.gate.rows], elementType: .bfloat16, on: backend)
    let second = Tensor(uninitialized: state.x.shape, on: backend)
    launch(
      "decode_gated", rows, width, outputs: block.gate.rows,
      residual(attended, gain: block.preFeedForwardGain, epsilon: block.epsilon) + [
        .tensor(block.gate), .tensor(block.up), .int32(block.gate.rows), .tensor(second), .tensor(inner),
      ])
    return ResidualSum(x: second, branch: (product(inner, block.down), block.postFeedForwardGain))
  }

  func states(_ state: ResidualSum, gain: Tensor, epsilon: Float) -> Tensor {
    let rows = state.x.rows
    let out = Tensor(uninitialized: state.x.shape, elementType: .bfloat16, on: backend)
    let sum = Tensor(uninitialized: state.x.shape, on: backend)
    backend.launch(
      name("decode_states", rows, state.x.width), grid: LaunchGrid(1), threads: threads,
      sharedBytes: normedBytes(rows, state.x.width), early: true,
      residual(state, gain: gain, epsilon: epsilon) + [.tensor(sum), .tensor(out)])
    return out
  }

  /// x [R, K] times a transposed matrix [N, K], bfloat16.
  private func product(_ x: Tensor, _ matrix: Tensor) -> Tensor {
    let out = Tensor(uninitialized: [x.rows, matrix.rows], elementType: .bfloat16, on: backend)
    backend.multiplyFewRows(x, matrix, into: out, early: true)
    return out
  }

  /// Shared memory for the norm of all rows.
  private func normedBytes(_ rows: Int, _ width: Int) -> Int { 2 * rows * width }

  private func residual(_ state: ResidualSum, gain: Tensor, epsilon: Float) -> [KernelArgument] {
    [
      .tensor(state.x), .optional(state.branch?.values), .optional(state.branch?.gain), .tensor(gain), .float(epsilon),
      .int32(state.x.width),
    ]
  }

  private func name(_ function: String, _ rows: Int, _ width: Int) -> KernelName {
    KernelName("decoding", function, CUDATokenDecoder.defines[rows][CUDATokenDecoder.chunks(width)])
  }

  /// Steps of 1,024 columns of a row, and the most that kernels are made for.
  private static func chunks(_ width: Int) -> Int { (width + 1023) / 1024 }
  private static let mostChunks = 6
  private static let defines = CUDABackend.rowDefines.map { rows in (0...mostChunks).map { rows + ["CHUNKS=\($0)"] } }

  func takes(_ block: DecoderBlockWeights, headSize: Int) -> Bool {
    let widths = [block.query.width, block.output.width, block.down.width]
    return widths.allSatisfy { $0 % 8 == 0 && 2 * mostRows * $0 <= CUDABackend.mostSharedBytes }
      && CUDATokenDecoder.chunks(block.query.width) <= CUDATokenDecoder.mostChunks && headSize <= 1024
      && headSize % 2 == 0
  }

  private func launch(
    _ function: String, _ rows: Int, _ width: Int, outputs: Int, _ arguments: [KernelArgument]
  ) {
    // Three blocks are at work on a multiprocessor at the same time, as their registers allow.
    backend.launch(
      name(function, rows, width), grid: LaunchGrid(min((outputs + 7) / 8, 3 * backend.multiprocessorCount)),
      threads: threads, sharedBytes: normedBytes(rows, width), early: true, arguments)
  }
}

extension CUDABackend {
  /// See `Backend`.
  package var tokenDecoder: (any TokenDecoder)? { activations == .bfloat16 ? CUDATokenDecoder(backend: self) : nil }

  /// Blocks of eight warps for so many rows of a matrix, a row a warp: no more than are at work at the same time.
  func fewRowsGrid(_ outputs: Int) -> LaunchGrid { LaunchGrid(min((outputs + 7) / 8, 4 * multiprocessorCount)) }

  /// What the kernels for so many rows are specialised by.
  static let rowDefines = (0...mostFewRows).map { ["ROWS=\($0)"] }
  /// The most rows of a product that reads a stored matrix row by row.
  static let mostFewRows = 8
  /// The most shared memory that such a product's rows may take.
  static let mostSharedBytes = 200 << 10

  /// Whether `multiplyFewRows` computes x [R, K] times a transposed matrix [N, K].
  func suitsFewRows(_ a: MatrixFactor, _ b: MatrixFactor) -> Bool {
    a.rows <= CUDABackend.mostFewRows && !a.isTransposed && b.isTransposed && a.tensor.elementType == .bfloat16
      && a.columns % 8 == 0 && a.tensor.deviceAddress % 16 == 0 && b.tensor.deviceAddress % 16 == 0
      && 2 * a.rows * a.columns <= CUDABackend.mostSharedBytes
  }

  /// out [R, N] = x [R, K] times a transposed matrix [N, K], both bfloat16.
  /// - Parameter early: whether the matrix is no kernel's result, so that its rows may be asked for before x is there.
  func multiplyFewRows(_ x: Tensor, _ matrix: Tensor, into out: Tensor, early: Bool = false) {
    launch(
      KernelName("decoding", "few_rows_\(out.letter)", CUDABackend.rowDefines[x.rows]), grid: fewRowsGrid(matrix.rows),
      threads: 256, sharedBytes: 2 * x.rows * x.width, early: early,
      [.tensor(x), .tensor(matrix), .int32(matrix.rows), .int32(matrix.width), .tensor(out)])
  }
}
