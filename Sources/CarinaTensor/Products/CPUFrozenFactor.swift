/// The copies that the processor keeps of a frozen matrix: packed by the library as it is read forwards, or in 8 bits.
final class CPUFrozenFactor: FrozenFactor {
  var packsWhenRepeated = false, multipliesBytes = false
  private(set) var quantized: (any QuantizedFactor)?
  private let backend: CPUBackend
  private var packed: (any PackedFactor)?
  private var wasUsed = false

  init(_ backend: CPUBackend) { self.backend = backend }

  func quantize(_ matrix: Tensor, columnFactors: Tensor?) {
    quantized = backend.quantized(matrix, columnFactors: columnFactors)
  }

  func packQuantized() {
    if let rows = quantized as? QuantizedMatrix { quantized = BytePanels(rows) }
  }

  func take(_ quantized: any QuantizedFactor) { self.quantized = quantized }

  var isPacked: Bool { packed != nil }

  func forget() {
    quantized = nil
    packed = nil
  }

  func multiply(
    _ a: MatrixFactor, _ matrix: Tensor, isForward: Bool, into c: Tensor, epilogue: ProductEpilogue
  ) -> Bool {
    guard packsWhenRepeated, matrix.elementType == .bfloat16, a.rows >= ProductEpilogue.fewestRows else { return false }
    guard isForward else {
      return packed?.multiplyTransposed(MatrixOperand(a), into: c.pointer, epilogue: epilogue) ?? false
    }
    if packed == nil {
      guard wasUsed else {
        wasUsed = true
        return false
      }
      guard let factor = backend.products.pack(MatrixOperand(MatrixFactor(matrix)).transposed) else { return false }
      packed = factor
      // The copy serves in both directions: the pages of the file need not stay.
      matrix.storage.releaseResidentPages()
    }
    return packed?.multiply(MatrixOperand(a), into: c.pointer, epilogue: epilogue) ?? false
  }
}
