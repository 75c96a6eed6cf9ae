/// The copies that the processor keeps of a frozen matrix: packed by the library for each direction in which it is
/// read, or in 8 bits.
final class CPUFrozenFactor: FrozenFactor {
  var packsWhenRepeated = false, multipliesBytes = false
  private(set) var quantized: (any QuantizedFactor)?
  private let backend: CPUBackend
  private var packed: (forward: (any PackedFactor)?, backward: (any PackedFactor)?) = (nil, nil)
  private var wasUsed = (forward: false, backward: false)

  init(_ backend: CPUBackend) { self.backend = backend }

  func quantize(_ matrix: Tensor) { quantized = QuantizedMatrix(matrix, on: backend) }

  func take(_ quantized: any QuantizedFactor) { self.quantized = quantized }

  func forget() {
    quantized = nil
    packed = (nil, nil)
  }

  func multiply(
    _ a: MatrixFactor, _ matrix: Tensor, isForward: Bool, into c: Tensor, epilogue: ProductEpilogue
  ) -> Bool {
    guard packsWhenRepeated, matrix.elementType == .bfloat16, a.rows >= ProductEpilogue.fewestRows else { return false }
    let known = isForward ? packed.forward : packed.backward
    let isSecond = isForward ? wasUsed.forward : wasUsed.backward
    if isForward { wasUsed.forward = true } else { wasUsed.backward = true }
    guard known != nil || isSecond else { return false }
    let stored = MatrixOperand(MatrixFactor(matrix))
    guard let factor = known ?? backend.products.pack(isForward ? stored.transposed : stored) else { return false }
    if isForward { packed.forward = factor } else { packed.backward = factor }
    return factor.multiply(MatrixOperand(a), into: c.pointer, epilogue: epilogue)
  }
}
