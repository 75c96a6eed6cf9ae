import CKernels
import CarinaRuntime

/// Attention with both products in bfloat16 and sums in fp32, for processors that multiply it (AVX-512 BF16): keys and
/// values are packed once a head and call, and blocks of scores stay in the second-level cache (after Dao et al. 2022,
/// FlashAttention, without its running softmax: the scores of a block of rows fit).
struct TiledAttention {
  private let query: Tensor, key: Tensor, value: Tensor
  private let layout: AttentionLayout
  private let backend: CPUBackend
  private let division: AttentionBlocks

  private static let panel = Int(CARINA_PANEL_COLUMNS)

  /// Nil where the processor or the size of a head does not suit.
  init?(query: Tensor, key: Tensor, value: Tensor, layout: AttentionLayout, backend: CPUBackend) {
    guard carina_has_tile_products() != 0, layout.headSize % 2 == 0 else { return nil }
    self.query = query
    self.key = key
    self.value = value
    self.layout = layout
    self.backend = backend
    division = AttentionBlocks(layout, alignment: TiledAttention.panel)
  }

  private var group: Int { layout.heads / layout.keyValueHeads }
  private var pairs: Int { layout.headSize / 2 }

  /// [R, H·E] into `out`.
  func forward(into out: Tensor) {
    let size = layout.headSize
    let keys = packed(key, as: .columns), values = packed(value, as: .rows)
    let tasks = division.tasks(heads: layout.heads)
    ThreadTeam.run(taskCount: tasks.count) { index in
      let task = tasks[index], block = task.block, start = division.starts[task.sequence]
      let target = out.floats + (start.query + block.rows.lowerBound) * out.width + task.head * size
      let count = block.rows.count, columns = TiledAttention.padded(block.columns.count)
      guard columns > 0 else {
        for row in 0..<count { (target + row * out.width).update(repeating: 0, count: size) }
        return
      }
      let scores = Tensor(uninitialized: [count, columns], on: backend)
      self.scores(block, start: start.query, head: task.head, keys: keys[task.sequence], into: scores)
      let weights = Tensor(uninitialized: [count, columns], elementType: .bfloat16, on: backend)
      let inverses = Tensor(uninitialized: [count], on: backend)
      carina_masked_exponentials(
        scores.floats, Int64(count), Int64(columns), Int64(columns), layout.scale, block.first, block.last,
        weights.bfloats, inverses.floats, 1)
      let pack = values[task.sequence]
      let used = (block.columns.count + 1) / 2
      carina_tile_product(
        TiledAttention.words(weights), Int64(columns / 2), 1, pack.head(task.head / group), Int64(pack.pairs),
        Int64(block.columns.lowerBound / 2), target, Int64(out.width), Int64(count), Int64(size), Int64(used), 0)
      for row in 0..<count {
        carina_scale(target + row * out.width, inverses.floats[row], Int64(size))
      }
    }
    withExtendedLifetime((keys, values)) {}
  }

  /// Gradients of query [R, H·E], key [S, K·E] and value [S, K·E].
  func backward(_ gradient: Tensor, dquery: Tensor, dkey: Tensor, dvalue: Tensor) {
    let size = layout.headSize
    let keys = packed(key, as: .columns), keyRows = packed(key, as: .rows), valueColumns = packed(value, as: .columns)
    // Each query head sums into rows of its own; the heads of a group are added afterwards, in order.
    let dkeys = layout.perHead(dkey, on: backend), dvalues = layout.perHead(dvalue, on: backend)
    ThreadTeam.run(taskCount: division.starts.count * layout.heads) { task in
      let sequence = task / layout.heads, head = task % layout.heads, start = division.starts[sequence]
      for block in division.blocks[sequence] {
        guard !block.columns.isEmpty else {
          for row in block.rows {
            (dquery.floats + (start.query + row) * dquery.width + head * size).update(repeating: 0, count: size)
          }
          continue
        }
        let count = block.rows.count, columns = TiledAttention.padded(block.columns.count)
        let firstRow = start.query + block.rows.lowerBound, firstKey = start.key + block.columns.lowerBound
        let probabilities = Tensor(uninitialized: [count, columns], on: backend),
          slopes = Tensor(uninitialized: [count, columns], on: backend)
        scores(block, start: start.query, head: head, keys: keys[sequence], into: probabilities)
        carina_masked_softmax(
          probabilities.floats, Int64(count), Int64(columns), Int64(columns), layout.scale, block.first, block.last)
        let blockGradient = gradient.floats + firstRow * gradient.width + head * size
        let rows = roundedRows(blockGradient, stride: gradient.width, count: count)
        let pack = valueColumns[sequence]
        carina_tile_product(
          TiledAttention.words(rows), Int64(pairs), 1,
          pack.head(head / group) + block.columns.lowerBound / TiledAttention.panel * pairs * TiledAttention.panel * 2,
          Int64(pairs), 0, slopes.floats, Int64(columns), Int64(count), Int64(columns), Int64(pairs), 0)
        carina_softmax_backward(
          probabilities.floats, slopes.floats, Int64(count), Int64(columns), Int64(columns), layout.scale)

        let keyPack = keyRows[sequence]
        let slopeRows = Tensor(uninitialized: [count, columns], elementType: .bfloat16, on: backend)
        carina_round_rows(
          slopes.floats, Int64(columns), Int64(count), Int64(columns), slopeRows.bfloats, Int64(columns / 2))
        carina_tile_product(
          TiledAttention.words(slopeRows), Int64(columns / 2), 1, keyPack.head(head / group), Int64(keyPack.pairs),
          Int64(block.columns.lowerBound / 2), dquery.floats + firstRow * dquery.width + head * size,
          Int64(dquery.width), Int64(count), Int64(size), Int64((block.columns.count + 1) / 2), 0)
        addTransposed(
          slopes, times: query.floats + firstRow * query.width + head * size, stride: query.width, count: count,
          columns: block.columns.count, into: dkeys.floats + firstKey * dkeys.width + head * size,
          targetStride: dkeys.width)
        addTransposed(
          probabilities, times: blockGradient, stride: gradient.width, count: count, columns: block.columns.count,
          into: dvalues.floats + firstKey * dvalues.width + head * size, targetStride: dvalues.width)
      }
    }
    withExtendedLifetime((keys, keyRows, valueColumns, gradient)) {}
    layout.sumOfGroups(dkeys, into: dkey)
    layout.sumOfGroups(dvalues, into: dvalue)
  }

  /// Query rows of the block times the packed keys.
  private func scores(
    _ block: AttentionBlocks.Block, start: Int, head: Int, keys: Packed, into scores: Tensor
  ) {
    let count = block.rows.count
    let rows = roundedRows(
      query.floats + (start + block.rows.lowerBound) * query.width + head * layout.headSize, stride: query.width,
      count: count)
    let skip = block.columns.lowerBound / TiledAttention.panel * pairs * TiledAttention.panel * 2
    carina_tile_product(
      TiledAttention.words(rows), Int64(pairs), 1, keys.head(head / group) + skip, Int64(pairs), 0, scores.floats,
      Int64(scores.width), Int64(count), Int64(scores.width), Int64(pairs), 0)
  }

  /// target [columns, E] += leftᵀ right with left [count, …] and right [count, E].
  private func addTransposed(
    _ left: Tensor, times right: UnsafePointer<Float>, stride: Int, count: Int, columns: Int,
    into target: UnsafeMutablePointer<Float>, targetStride: Int
  ) {
    let rowPairs = (count + 1) / 2, size = layout.headSize
    let paired = Tensor(uninitialized: [rowPairs, left.width * 2], elementType: .bfloat16, on: backend)
    carina_pair_rows(left.floats, Int64(left.width), Int64(count), Int64(left.width), paired.bfloats)
    let factor = Tensor(
      uninitialized: [TiledAttention.padded(size) * rowPairs * 2], elementType: .bfloat16, on: backend)
    carina_pack_rows(right, Int64(stride), Int64(count), Int64(size), factor.bfloats)
    carina_tile_product(
      TiledAttention.words(paired), 1, Int64(left.width), factor.bfloats, Int64(rowPairs), 0, target,
      Int64(targetStride), Int64(columns), Int64(size), Int64(rowPairs), 1)
    withExtendedLifetime(factor) {}
  }

  private func roundedRows(_ source: UnsafePointer<Float>, stride: Int, count: Int) -> Tensor {
    let rows = Tensor(uninitialized: [count, layout.headSize], elementType: .bfloat16, on: backend)
    carina_round_rows(source, Int64(stride), Int64(count), Int64(layout.headSize), rows.bfloats, Int64(pairs))
    return rows
  }

  private static func words(_ tensor: Tensor) -> UnsafePointer<UInt32> {
    UnsafePointer(tensor.pointer.assumingMemoryBound(to: UInt32.self))
  }

  private static func padded(_ count: Int) -> Int { (count + panel - 1) / panel * panel }

  private enum Packing { case columns, rows }

  /// The packed heads of one sequence.
  private struct Packed {
    let storage: Tensor
    /// Elements of one head.
    let headCount: Int
    /// Pairs of a panel.
    let pairs: Int

    func head(_ head: Int) -> UnsafePointer<UInt16> { UnsafePointer(storage.bfloats + head * headCount) }
  }

  /// Keys or values [S, K·E], head by head and sequence by sequence.
  private func packed(_ tensor: Tensor, as packing: Packing) -> [Packed] {
    let size = layout.headSize, heads = layout.keyValueHeads
    let results = layout.keyCounts.map { count -> Packed in
      let pairs = packing == .columns ? self.pairs : (count + 1) / 2
      let headCount = TiledAttention.padded(packing == .columns ? count : size) * pairs * 2
      return Packed(
        storage: Tensor(uninitialized: [max(1, heads * headCount)], elementType: .bfloat16, on: backend),
        headCount: headCount,
        pairs: pairs)
    }
    // Panels of keys, or of a head's columns, are packed one by one, as few heads may be all that there is.
    let pieces = results.indices.flatMap { sequence in
      (0..<heads).flatMap { head in
        stride(from: 0, to: packing == .columns ? layout.keyCounts[sequence] : size, by: TiledAttention.panel).map {
          (sequence: sequence, head: head, first: $0)
        }
      }
    }
    RowSplit.run(pieces.count, grain: 2) { range in
      for piece in pieces[range] {
        let pack = results[piece.sequence], count = layout.keyCounts[piece.sequence], first = piece.first
        let source = tensor.floats + layout.keyStarts[piece.sequence] * tensor.width + piece.head * size
        let target = pack.storage.bfloats + piece.head * pack.headCount + first * pack.pairs * 2
        switch packing {
        case .columns:
          carina_pack_rows_as_columns(
            source + first * tensor.width, Int64(tensor.width), Int64(min(TiledAttention.panel, count - first)),
            Int64(size), target)
        case .rows:
          carina_pack_rows(
            source + first, Int64(tensor.width), Int64(count), Int64(min(TiledAttention.panel, size - first)), target)
        }
      }
    }
    return results
  }
}
