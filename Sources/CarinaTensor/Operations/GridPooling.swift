/// Averages of square blocks of a grid of rows: the patches of an image become fewer.
///
/// - Parameters:
///   - x: [images · grid · grid, W], row by row of the grid; kept features may be bf16.
///   - grid: rows along a side.
///   - outputs: averages along a side; a divisor of `grid`.
/// - Returns: [images · outputs · outputs, W] fp32.
package func averagePooling(_ x: Tensor, grid: Int, outputs: Int, tape: Tape?) -> Tensor {
  precondition(
    outputs > 0 && grid % outputs == 0 && x.rows % (grid * grid) == 0,
    "\(x.rows) rows do not divide into grids of \(grid) and averages of \(outputs)")
  let backend = x.backend, block = grid / outputs, scale = 1 / Float(block * block)
  let targets = (0..<x.rows).map { row -> Int in
    let (image, patch) = row.quotientAndRemainder(dividingBy: grid * grid)
    return image * outputs * outputs + patch / grid / block * outputs + patch % grid / block
  }
  let out = Tensor(zeros: [x.rows / (block * block), x.width], on: backend)
  backend.addRows(of: x.detached.converted(to: .float32), scale: scale, to: out, targets)
  guard let tape, let node = x.node else { return out }
  let shape = x.shape, type = x.elementType
  return tape.record(out) { dout in
    let spread = Tensor(uninitialized: shape, on: backend)
    let gradient = Tensor(zeros: shape, elementType: type, on: backend)
    backend.copyRows(of: dout, targets, to: spread, Array(targets.indices))
    backend.addRows(of: spread, scale: scale, to: gradient, Array(targets.indices))
    node.accumulate(gradient, isFresh: true)
  }
}
