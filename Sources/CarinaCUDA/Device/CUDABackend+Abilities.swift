import CarinaTensor

extension CUDABackend {
  /// See `MatrixKernels`: the epilogues of cuBLASLt do not.
  package var multipliesInProducts: Bool { false }

  /// See `MatrixKernels`: a rounding less, and a pass less over the result.
  package var addsBiasInProducts: Bool { true }
}
