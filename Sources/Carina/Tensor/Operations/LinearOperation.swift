import CKernels

/// y = x Wᵀ + b, the affine map of every projection.
///
/// - Parameters:
///   - x: [R, K] fp32.
///   - weight: [N, K] (a convolution's [N, C, P, P] is read so), or with `weightRows` those rows of a taller one (the query, key and value parts of a fused weight).
///   - bias: [N] (the same rows), or nil.
/// - Returns: [R, N] fp32. In bfloat16 (the weight's type) x is rounded before the product; sums are in fp32.
public func linear(
  _ x: Tensor, _ weight: Parameter, _ bias: Parameter? = nil, weightRows: Range<Int>? = nil, tape: Tape?
) -> Tensor {
  let matrix = weight.matrix
  let rowRange = weightRows ?? 0..<matrix.rows
  let rows = x.rows, inputs = x.width, outputs = rowRange.count
  precondition(matrix.width == inputs, "\(weight.name): expected rows of \(inputs), got \(weight.shape)")
  let type = weight.value.elementType
  let weightSlice = matrix.rowSlice(rowRange)
  let operand = x.detached.converted(to: type)
  let out = Tensor(uninitialized: [rows, outputs])
  MatrixProduct.multiply(
    MatrixOperand(operand, rows: rows, columns: inputs),
    MatrixOperand(weightSlice, rows: outputs, columns: inputs).transposed,
    into: out.floats, accumulate: false)
  if let bias {
    let values = bias.value.converted(to: .float32)
    RowSplit.run(rows, grain: RowSplit.grain(width: outputs)) { range in
      carina_add_bias(
        out.floats + range.lowerBound * outputs, values.floats + rowRange.lowerBound, Int64(range.count), Int64(outputs)
      )
    }
  }
  let trainsBias = bias?.isTrainable ?? false
  guard let tape, x.node != nil || weight.isTrainable || trainsBias else { return out }

  let xNode = x.node
  let saved = SavedLinear(operand: weight.isTrainable ? operand : nil)
  return tape.record(out) { dout in
    let gradient = dout.reshaped([rows, outputs])
    let narrow = gradient.converted(to: type)
    if weight.isTrainable, let operand = saved.operand {
      let target = weight.gradientForAccumulation().reshaped(matrix.shape).rowSlice(rowRange)
      MatrixProduct.multiply(
        MatrixOperand(narrow, rows: rows, columns: outputs).transposed,
        MatrixOperand(operand, rows: rows, columns: inputs),
        into: target.floats, accumulate: true)
    }
    if trainsBias, let bias {
      let target = bias.gradientForAccumulation().floats + rowRange.lowerBound
      RowSplit.reduceColumns(rows, into: [target], width: outputs) { range, partial in
        carina_add_column_sums(
          gradient.floats + range.lowerBound * outputs, partial[0], Int64(range.count), Int64(outputs))
      }
    }
    if let xNode {
      let dx = Tensor(uninitialized: [rows, inputs])
      MatrixProduct.multiply(
        MatrixOperand(narrow, rows: rows, columns: outputs),
        MatrixOperand(weightSlice, rows: outputs, columns: inputs), into: dx.floats, accumulate: false)
      xNode.accumulate(dx, isFresh: true)
    }
  }
}

private struct SavedLinear {
  /// x in the weight's type, [R, K]; only a trained weight needs it.
  let operand: Tensor?
}
