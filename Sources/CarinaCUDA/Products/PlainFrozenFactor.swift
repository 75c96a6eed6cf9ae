import CarinaTensor

/// What a card keeps of a frozen matrix: nothing, as it multiplies it where it lies.
final class PlainFrozenFactor: FrozenFactor {
  var packsWhenRepeated = false, multipliesBytes = false
  private(set) var quantized: (any QuantizedFactor)?
  private let backend: CUDABackend

  init(_ backend: CUDABackend) { self.backend = backend }

  var isPacked: Bool { false }

  func quantize(_ matrix: Tensor, columnFactors: Tensor?) {
    quantized = backend.quantized(matrix, columnFactors: columnFactors)
  }

  func take(_ quantized: any QuantizedFactor) { self.quantized = quantized }

  func forget() { quantized = nil }

  func multiply(
    _ a: MatrixFactor, _ matrix: Tensor, isForward: Bool, into c: Tensor, epilogue: ProductEpilogue
  ) -> Bool {
    let factor = MatrixFactor(matrix)
    return backend.multiply(a, isForward ? factor.transposed : factor, into: c, epilogue: epilogue)
  }
}
