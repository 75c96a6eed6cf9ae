import CarinaTensor

// Primitives whose kernels are not written.

extension CUDABackend: AdamWKernels {
  package func adamW(
    _ value: Tensor, remainder: Tensor?, gradient: Tensor, first: Tensor, second: Tensor, _ constants: AdamWConstants,
    decay: Float, correction1: Float, correction2: Float
  ) { pending() }
  package func adamW(
    _ value: Tensor, remainder: Tensor?, gradient: Tensor, first: (codes: Tensor, scales: Tensor),
    second: (codes: Tensor, scales: Tensor), _ constants: AdamWConstants, decay: Float, correction1: Float,
    correction2: Float
  ) { pending() }
  package func sumOfSquares(_ x: Tensor) -> Double { pending(); return 0 }
}

extension CUDABackend: AdditionKernels {
  package func add(_ a: Tensor, _ b: Tensor, into target: Tensor) { pending() }
}

extension CUDABackend: ContrastiveKernels {
  package func sigmoidContrast(
    _ similarities: Tensor, _ isPositive: [Bool], scale: Float, shift: Float, divisor: Float, logits: Tensor,
    slopes: Tensor
  ) -> (loss: Double, scaleSlope: Double, biasSlope: Double) { pending(); return (0, 0, 0) }
}

extension CUDABackend: ConversionKernels {
  package func convert(_ source: Tensor, into target: Tensor) { pending() }
  package func widenHalves(_ source: Tensor, into target: Tensor) { pending() }
  package func isFinite(_ x: Tensor) -> Bool { pending(); return false }
  package func split(_ source: Tensor, upper: Tensor, lower: Tensor) { pending() }
  package func join(upper: Tensor, lower: Tensor, into target: Tensor) { pending() }
}

extension CUDABackend: CrossEntropyKernels {
  package func crossEntropy(_ logits: Tensor, targets: ArraySlice<Int32>, scale: Float, losses: Tensor) { pending() }
  package func smoothedCrossEntropy(
    _ logits: Tensor, targets: ArraySlice<Int32>, scale: Float, smoothing: Float, losses: Tensor
  ) { pending() }
}

extension CUDABackend: DropoutKernels {
  package func drop(_ source: Tensor, _ mask: DropoutMask, into target: Tensor) { pending() }
  package func addKept(_ source: Tensor, _ mask: DropoutMask, to target: Tensor) { pending() }
  package func scale(_ x: Tensor, by factor: Float) { pending() }
}

extension CUDABackend: EmbeddingKernels {
  package func embedding(_ ids: [Int], _ table: Tensor, scale: Float, into out: Tensor) { pending() }
}

extension CUDABackend: GELUKernels {
  package func gelu(_ x: Tensor, _ kind: GELUKind, into out: Tensor) { pending() }
  package func geluBackward(_ x: Tensor, _ dout: Tensor, _ kind: GELUKind, into dx: Tensor) { pending() }
  package func gatedGELU(gate: Tensor, up: Tensor, into out: Tensor) { pending() }
  package func gatedGELUBackward(gate: Tensor, up: Tensor, _ dout: Tensor, dgate: Tensor, dup: Tensor) { pending() }
}

extension CUDABackend: L2Kernels {
  package func l2Normalize(_ x: Tensor, into out: Tensor, inverses: Tensor) { pending() }
  package func l2NormalizeBackward(_ result: Tensor, inverses: Tensor, _ dout: Tensor, into dx: Tensor) { pending() }
}

extension CUDABackend: LayerNormKernels {
  package func layerNorm(
    _ x: Tensor, gain: Tensor, shift: Tensor, epsilon: Float, into out: Tensor, means: Tensor, inverses: Tensor
  ) { pending() }
  package func layerNormBackward(
    _ x: Tensor, gain: Tensor, means: Tensor, inverses: Tensor, _ dout: Tensor, into dx: Tensor, dgain: Tensor?,
    dshift: Tensor?
  ) { pending() }
}

extension CUDABackend: PatchKernels {
  package func extractPatches(_ images: Tensor, count: Int, channels: Int, size: Int, patchSize: Int, into out: Tensor)
  { pending() }
}

extension CUDABackend: RMSNormKernels {
  package func rmsNorm(_ x: Tensor, gain: Tensor, epsilon: Float, into out: Tensor, inverses: Tensor) { pending() }
  package func rmsNormBackward(
    _ x: Tensor, gain: Tensor, inverses: Tensor, _ dout: Tensor, into dx: Tensor, dgain: Tensor?
  ) { pending() }
}

extension CUDABackend: RotaryKernels {
  package func rotate(_ source: Tensor, table: RotaryTable, positions: [Int32], direction: Float, into target: Tensor) {
    pending()
  }
}

extension CUDABackend: RowKernels {
  package func copyRows(of source: Tensor, _ sourceRows: [Int], to target: Tensor, _ targetRows: [Int]) { pending() }
  package func addRows(of source: Tensor, scale: Float, to target: Tensor, _ rows: [Int]) { pending() }
}

extension CUDABackend {
  package func addBias(_ bias: Tensor, to target: Tensor) { pending() }
  package func addColumnSums(_ x: Tensor, to target: Tensor) { pending() }
  private func pending() { note(CUDAErrors.failed("a primitive", "no kernel")) }
}
