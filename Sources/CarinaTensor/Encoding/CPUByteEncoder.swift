import CKernels
import CarinaRuntime

/// See `ByteEncoder`: the rows are divided among the threads, and each takes 36 at a time (64 for tile registers), whose
/// widest numbers stay in the second-level cache beside two panels of a matrix. All panels come by once for each of these
/// runs, out of the third.
struct CPUByteEncoder: ByteEncoder {
  let backend: CPUBackend

  /// Rows of a tile of the product, and tiles that are taken at a time: tile registers are fed faster than the third-level
  /// cache gives panels to few rows.
  private static let tileRows = AMXProduct.isAvailable ? 16 : 6
  private static let mostTiles = AMXProduct.isAvailable ? 4 : 6

  func takes(_ block: EncoderBlockWeights) -> Bool {
    let maps = [block.query, block.key, block.value, block.output, block.expand, block.contract]
    let panels = maps.compactMap { $0.weight.bytes as? BytePanels }
    return panels.count == maps.count
      && panels[..<3].allSatisfy { $0.columnFactors?.storage === panels[0].columnFactors?.storage }
  }

  func advance(
    _ x: Tensor, from left: (block: EncoderBlockWeights, mixed: Tensor)?, to entered: EncoderBlockWeights?
  ) -> EncoderStep {
    let rows = x.rows, width = x.width
    let leaving = left.flatMap { PackedBlock($0.block) }, entering = entered.flatMap { PackedBlock($0) }
    precondition((leaving == nil) == (left == nil) && (entering == nil) == (entered == nil), "a block not packed")
    let state = left == nil ? x : Tensor(uninitialized: [rows, width], on: backend)
    let projections = (entering?.projections ?? []).map {
      Tensor(uninitialized: [rows, $0.panels.rows], on: backend)
    }
    let tiles = (rows + CPUByteEncoder.tileRows - 1) / CPUByteEncoder.tileRows, parts = min(ThreadTeam.count, tiles)
    let widest = leaving?.expand.panels.rows ?? width
    let bytes = RowMemory.byteCount(width: width, widest: widest, backend.byteRounding)
    let buffer = PooledBuffer(max(1, parts * bytes), from: backend.pool)
    ThreadTeam.run(taskCount: parts) { part in
      var memory = RowMemory(buffer.pointer + part * bytes, width: width, widest: widest, backend.byteRounding)
      let first = tiles * part / parts, count = tiles * (part + 1) / parts - first
      let blocks = (count + CPUByteEncoder.mostTiles - 1) / CPUByteEncoder.mostTiles
      for block in 0..<blocks {
        let lower = (first + count * block / blocks) * CPUByteEncoder.tileRows
        let upper = min(rows, (first + count * (block + 1) / blocks) * CPUByteEncoder.tileRows), skip = lower * width
        memory.load(x.floats + skip, count: upper - lower)
        if let leaving, let left {
          memory.leave(leaving, left.mixed.floats + skip, before: entering)
          memory.store(state.floats + skip)
        }
        if let entering { memory.enter(entering, projections.map { $0.floats + lower * $0.width }) }
      }
    }
    withExtendedLifetime((x, left?.mixed, buffer)) {}
    return EncoderStep(state: state, projections: projections)
  }

  /// See `ByteEncoder`: always streamed, with exponentials that differ from those of `attention` by less than a rounding to
  /// bfloat16, which is nothing beside the roundings to bytes.
  func attend(_ projections: [Tensor], _ layout: AttentionLayout, products: ElementType) -> Tensor {
    let (query, key, value) = (projections[0], projections[1], projections[2])
    guard products == .bfloat16,
      let streamed = StreamedAttention(
        query: query, key: key, value: value, layout: layout, backend: backend, moreKeysThan: 0, evenBlocks: true)
    else { return attention(query, key, value, layout: layout, products: products, tape: nil) }
    let out = Tensor(uninitialized: query.shape, on: backend)
    streamed.forward(into: out)
    return out
  }

  /// A thread's memory for the rows that it takes at a time, and what happens to them there.
  private struct RowMemory {
    private static let mostRows = tileRows * mostTiles
    /// Rows begin at a line that is not a multiple of many, so that they do not share the sets of a cache.
    private static let gap = 16
    private let state: UnsafeMutablePointer<Float>, wide: UnsafeMutablePointer<Float>
    private let row: UnsafeMutablePointer<Float>
    private let width: Int, stateStride: Int, wideStride: Int
    private var bytes: RowsInBytes
    private var count = 0

    private static func aligned(_ count: Int) -> Int { (count + 63) / 64 * 64 }
    private static func stride(_ width: Int) -> Int { aligned(4 * width) / 4 + gap }

    static func byteCount(width: Int, widest: Int, _ rounding: ByteRounding) -> Int {
      4 * (mostRows * (stride(width) + stride(widest)) + stride(max(width, widest)))
        + aligned(RowsInBytes.byteCount(rows: mostRows, width: max(width, widest), rounding))
    }

    init(_ memory: UnsafeMutableRawPointer, width: Int, widest: Int, _ rounding: ByteRounding) {
      self.width = width
      stateStride = RowMemory.stride(width)
      wideStride = RowMemory.stride(widest)
      state = memory.assumingMemoryBound(to: Float.self)
      wide = state + RowMemory.mostRows * stateStride
      row = wide + RowMemory.mostRows * wideStride
      bytes = RowsInBytes(
        row + RowMemory.stride(max(width, widest)), rows: RowMemory.mostRows, width: max(width, widest), rounding)
    }

    /// Takes rows of x.
    mutating func load(_ x: UnsafePointer<Float>, count: Int) {
      self.count = count
      for index in 0..<count { (state + index * stateStride).update(from: x + index * width, count: width) }
    }

    /// Gives them back.
    func store(_ x: UnsafeMutablePointer<Float>) {
      for index in 0..<count { (x + index * width).update(from: state + index * stateStride, count: width) }
    }

    /// The rows after the attention of a block, which mixed values into `mixed`, and after its MLP.
    mutating func leave(_ block: PackedBlock, _ mixed: UnsafePointer<Float>, before next: PackedBlock?) {
      bytes.begin(width: width)
      bytes.round(mixed, count: count, for: block.output)
      add(block.output, before: block.expand)
      normalize(block.secondNorm, for: block.expand)
      bytes.multiply(block.expand, count: count, into: wide, stride: wideStride, before: block.contract)
      let inner = block.expand.panels.rows
      bytes.begin(width: inner)
      for index in 0..<count {
        carina_gelu_for_bytes(
          wide + index * wideStride, row, Int64(inner), block.activation.code, ByteRows.hasVectors ? 1 : 0)
        bytes.round(row, first: index, for: block.contract)
      }
      add(block.contract, before: next?.projections.first)
    }

    /// Their queries, keys and values.
    mutating func enter(_ block: PackedBlock, _ targets: [UnsafeMutablePointer<Float>]) {
      normalize(block.firstNorm, for: block.projections[0])
      for (index, map) in block.projections.enumerated() {
        bytes.multiply(
          map, count: count, into: targets[index], stride: map.panels.rows,
          before: index + 1 < targets.count ? block.projections[index + 1] : nil)
      }
    }

    private func add(_ map: PackedMap, before following: PackedMap?) {
      bytes.multiply(map, count: count, summand: state, into: state, stride: stateStride, before: following)
    }

    private mutating func normalize(_ norm: PackedBlock.Norm, for map: PackedMap) {
      bytes.begin(width: width)
      var mean: Float = 0, inverse: Float = 0
      for index in 0..<count {
        carina_layer_norm_forward(
          state + index * stateStride, norm.gain.floats, norm.shift.floats, norm.epsilon, row, &mean, &inverse, 1,
          Int64(width))
        bytes.round(row, first: index, for: map)
      }
    }
  }
}

/// A block as the processor reads it.
private struct PackedBlock {
  struct Norm {
    /// [W] fp32.
    let gain: Tensor, shift: Tensor
    let epsilon: Float

    init(_ norm: EncoderBlockWeights.Norm) {
      gain = norm.gain.value.converted(to: .float32)
      shift = norm.shift.value.converted(to: .float32)
      epsilon = norm.epsilon
    }
  }

  let firstNorm: Norm, secondNorm: Norm
  /// Of queries, keys and values.
  let projections: [PackedMap]
  let output: PackedMap, expand: PackedMap, contract: PackedMap
  let activation: GELUKind

  init?(_ block: EncoderBlockWeights) {
    let projections = [block.query, block.key, block.value].compactMap { PackedMap($0) }
    guard projections.count == 3, let output = PackedMap(block.output), let expand = PackedMap(block.expand),
      let contract = PackedMap(block.contract)
    else { return nil }
    firstNorm = Norm(block.firstNorm)
    secondNorm = Norm(block.secondNorm)
    self.projections = projections
    self.output = output
    self.expand = expand
    self.contract = contract
    activation = block.activation
  }
}
