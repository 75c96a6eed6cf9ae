import CKernels
import CarinaRuntime

/// The arguments of one attention call and its passes over blocks of query rows.
struct AttentionWork {
  let query: Tensor
  let key: Tensor
  let value: Tensor
  let layout: AttentionLayout
  let backend: CPUBackend

  private var products: FloatProduct { FloatProduct(pool: backend.pool) }

  private func rows(_ tensor: Tensor, from first: Int, count: Int, head: Int) -> MatrixOperand {
    MatrixOperand(
      pointer: tensor.floats + first * tensor.width + head * layout.headSize, elementType: .float32, rows: count,
      columns: layout.headSize, stride: tensor.width)
  }

  /// Writes softmax probabilities of the block into `scores` [rows, columns].
  private func probabilities(
    _ block: AttentionBlocks.Block, start: (query: Int, key: Int), head: Int, into scores: UnsafeMutablePointer<Float>
  ) {
    let group = layout.heads / layout.keyValueHeads, columns = block.columns.count
    products.multiplyAlone(
      rows(query, from: start.query + block.rows.lowerBound, count: block.rows.count, head: head),
      rows(key, from: start.key + block.columns.lowerBound, count: columns, head: head / group).transposed,
      into: scores, cStride: columns, accumulate: false)
    carina_masked_softmax(
      scores, Int64(block.rows.count), Int64(columns), Int64(columns), layout.scale, block.first, block.last)
  }

  func forward(into out: Tensor) {
    let group = layout.heads / layout.keyValueHeads
    // A row's numbers do not depend on the rows of its block.
    let blockRows = AttentionBlocks.mostRows(layout, threads: ThreadTeam.count)
    let division = AttentionBlocks(layout, rows: blockRows), starts = division.starts
    let tasks = division.tasks(heads: layout.heads)
    ThreadTeam.run(taskCount: tasks.count) { index in
      let task = tasks[index], block = task.block, start = starts[task.sequence], columns = block.columns.count
      let target = out.floats + (start.query + block.rows.lowerBound) * out.width + task.head * layout.headSize
      guard columns > 0 else {
        for row in 0..<block.rows.count { (target + row * out.width).update(repeating: 0, count: layout.headSize) }
        return
      }
      let scores = Tensor(uninitialized: [block.rows.count, columns], on: backend)
      probabilities(block, start: start, head: task.head, into: scores.floats)
      products.multiplyAlone(
        MatrixOperand(scores, rows: block.rows.count, columns: columns),
        rows(value, from: start.key + block.columns.lowerBound, count: columns, head: task.head / group),
        into: target, cStride: out.width, accumulate: false)
    }
  }

  func backward(_ gradient: Tensor, dquery: Tensor, dkey: Tensor, dvalue: Tensor) {
    let group = layout.heads / layout.keyValueHeads, size = layout.headSize
    let division = AttentionBlocks(layout), starts = division.starts
    backend.fillWithZeros(dquery)
    // Each query head sums into rows of its own; the heads of a group are added afterwards, in order.
    let dkeys = layout.perHead(dkey, on: backend), dvalues = layout.perHead(dvalue, on: backend)
    let sequences = layout.queryCounts.count
    ThreadTeam.run(taskCount: sequences * layout.heads) { task in
      let sequence = task / layout.heads, head = task % layout.heads, start = starts[sequence]
      for block in division.blocks[sequence] where !block.columns.isEmpty {
        let columns = block.columns.count, firstKey = start.key + block.columns.lowerBound
        let firstRow = start.query + block.rows.lowerBound
        let scores = Tensor(uninitialized: [block.rows.count, columns], on: backend)
        let dscores = Tensor(uninitialized: [block.rows.count, columns], on: backend)
        probabilities(block, start: start, head: head, into: scores.floats)
        let blockGradient = rows(gradient, from: firstRow, count: block.rows.count, head: head)
        let probability = MatrixOperand(scores, rows: block.rows.count, columns: columns)
        products.multiplyAlone(
          probability.transposed, blockGradient, into: dvalues.floats + firstKey * dvalues.width + head * size,
          cStride: dvalues.width, accumulate: true)
        products.multiplyAlone(
          blockGradient, rows(value, from: firstKey, count: columns, head: head / group).transposed,
          into: dscores.floats, cStride: columns, accumulate: false)
        carina_softmax_backward(
          scores.floats, dscores.floats, Int64(block.rows.count), Int64(columns), Int64(columns), layout.scale)
        let slope = MatrixOperand(dscores, rows: block.rows.count, columns: columns)
        products.multiplyAlone(
          slope, rows(key, from: firstKey, count: columns, head: head / group),
          into: dquery.floats + firstRow * dquery.width + head * size, cStride: dquery.width, accumulate: false)
        products.multiplyAlone(
          slope.transposed, rows(query, from: firstRow, count: block.rows.count, head: head),
          into: dkeys.floats + firstKey * dkeys.width + head * size, cStride: dkeys.width, accumulate: true)
      }
    }
    layout.sumOfGroups(dkeys, into: dkey)
    layout.sumOfGroups(dvalues, into: dvalue)
  }
}

extension AttentionLayout {
  /// Zeros [S, H·E] in which the gradients of each query head are summed: `target` itself, [S, K·E], where no head is
  /// shared.
  func perHead(_ target: Tensor, on backend: CPUBackend) -> Tensor {
    let sums =
      heads > keyValueHeads ? Tensor(uninitialized: [target.rows, heads * headSize], on: backend) : target
    RowSplit.run(sums.rows, grain: RowSplit.grain(width: sums.width)) { rows in
      (sums.floats + rows.lowerBound * sums.width).update(repeating: 0, count: rows.count * sums.width)
    }
    return sums
  }

  /// Adds the heads of each group, in order: [S, H·E] to [S, K·E].
  func sumOfGroups(_ perHead: Tensor, into out: Tensor) {
    let group = heads / keyValueHeads, size = headSize
    guard group > 1 else { return }
    RowSplit.run(out.rows, grain: RowSplit.grain(width: perHead.width)) { range in
      for row in range {
        let target = out.floats + row * out.width
        target.update(repeating: 0, count: out.width)
        for head in 0..<heads {
          carina_add_scaled(
            perHead.floats + row * perHead.width + head * size, 1, target + head / group * size, Int64(size))
        }
      }
    }
  }
}
