/// y = x Wᵀ + b, the affine map of every projection.
///
/// - Parameters:
///   - x: [R, K] fp32.
///   - weight: [N, K] (a convolution's [N, C, P, P] is read so), or with `weightRows` those rows of a taller one (the
///     query, key and value parts of a fused weight).
///   - bias: [N] (the same rows), or nil.
///   - type: how the result is stored; nil for as the backend stores activations.
/// - Returns: [R, N]. In bfloat16 (the weight's type) x is rounded before the product; sums are in fp32.
package func linear(
  _ x: Tensor, _ weight: Parameter, _ bias: Parameter? = nil, weightRows: Range<Int>? = nil,
  as type: ElementType? = nil,
  tape: Tape?
) -> Tensor {
  linear(ProductInput(x, as: weight.value.elementType), weight, bias, weightRows: weightRows, as: type, tape: tape)
}

/// The same map of rows that were rounded before; the weight is of the type they were rounded to.
package func linear(
  _ input: ProductInput, _ weight: Parameter, _ bias: Parameter? = nil, weightRows: Range<Int>? = nil,
  as resultType: ElementType? = nil, tape: Tape?
) -> Tensor {
  let x = input.x, matrix = weight.matrix, backend = x.backend
  let rowRange = weightRows ?? 0..<matrix.rows
  let rows = x.rows, inputs = x.width, outputs = rowRange.count
  precondition(matrix.width == inputs, "\(weight.name): expected rows of \(inputs), got \(weight.shape)")
  let type = weight.value.elementType, isWhole = rowRange == 0..<matrix.rows
  let bytes = isWhole ? weight.bytes : nil
  if tape == nil, bytes == nil, let quantized = weight.quantized, isWhole {
    let out = quantized.product(x.detached.converted(to: .float32))
    addBias(bias, rowRange, to: out)
    return out
  }
  let out = Tensor(uninitialized: [rows, outputs], elementType: resultType ?? backend.activations, on: backend)
  let right = MatrixFactor(matrix.rowSlice(rowRange))
  if let bytes {
    bytes.multiply(input.bytes(for: bytes), bias: bias?.value.converted(to: .float32), summand: nil, into: out)
  } else {
    let left = MatrixFactor(input.operand, rows: rows, columns: inputs)
    // Of a held matrix the product may add the bias, which makes the same digits.
    var epilogue = ProductEpilogue()
    if weight.isHeld || backend.addsBiasInProducts {
      epilogue.bias = bias?.value.converted(to: .float32).elementSlice(rowRange)
    }
    epilogue.elementType = out.elementType
    let isPrepared =
      isWhole && weight.multiplyPrepared(left, isForward: true, into: out, epilogue: epilogue)
      || backend.addsBiasInProducts && epilogue.bias != nil
        && backend.multiply(left, right.transposed, into: out, epilogue: epilogue)
    if !isPrepared { backend.multiply(left, right.transposed, into: out, accumulate: false) }
    if !isPrepared || epilogue.bias == nil { addBias(bias, rowRange, to: out) }
  }
  let trainsBias = bias?.isTrainable ?? false
  guard let tape, x.node != nil || weight.isTrainable || trainsBias else { return out }

  let xNode = x.node, inputType = input.gradientType
  let saved = SavedLinear(operand: weight.isTrainable ? input.operand : nil)
  return tape.record(out, parameter: weight) { dout in
    let gradient = dout.reshaped([rows, outputs])
    if let bytes {
      if trainsBias, let bias { backend.addColumnSums(gradient, to: bias.gradientForAccumulation()) }
      xNode?.accumulateProducts([rows, inputs], as: inputType, on: backend, canAdd: true, addsAnyway: true) {
        dx, adds in
        bytes.multiplyBack(gradient, adds: adds, into: dx)
      }
      return
    }
    let narrow = MatrixFactor(gradient.converted(to: type))
    if weight.isTrainable, let operand = saved.operand {
      // A product that fills the whole gradient spares writing zeros first; one that fills a part of it cannot.
      let (target, isFresh) = isWhole ? weight.gradientForProduct() : (weight.gradientForAccumulation(), false)
      backend.multiply(
        narrow.transposed, MatrixFactor(operand, rows: rows, columns: inputs),
        into: target.reshaped(matrix.shape).rowSlice(rowRange), accumulate: !isFresh)
    }
    if trainsBias, let bias {
      let isFresh = bias.gradient == nil && rowRange.count == bias.count
      backend.addColumnSums(
        gradient, to: bias.gradientForSums(isFresh: isFresh).elementSlice(rowRange), isFresh: isFresh)
    }
    xNode?.accumulateProducts([rows, inputs], as: inputType, on: backend, canAdd: true) { dx, adds in
      if adds || !(isWhole && weight.multiplyPrepared(narrow, isForward: false, into: dx)) {
        backend.multiply(narrow, right, into: dx, accumulate: adds)
      }
    }
  }
}

/// Adds some elements of the bias to every row of `out`.
private func addBias(_ bias: Parameter?, _ range: Range<Int>, to out: Tensor) {
  guard let bias else { return }
  out.backend.addBias(bias.value.converted(to: .float32).elementSlice(range), to: out)
}

private struct SavedLinear {
  /// x in the weight's type, [R, K]; only a trained weight needs it.
  let operand: Tensor?
}
