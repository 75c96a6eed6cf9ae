import CarinaTensor

extension CUDABackend {
  /// See `MatrixKernels`: the epilogues of cuBLASLt do not.
  package var multipliesInProducts: Bool { false }

  /// See `MatrixKernels`: a rounding less, and a pass less over the result.
  package var addsBiasInProducts: Bool { true }

  /// See `MatrixKernels`: a pass over the sum in place of two, and a rounding less in bfloat16.
  package var addsGradientsInProducts: Bool { true }

  /// See `CrossEntropyKernels`: 512 rows of Gemma's vocabulary, with which reading the head is no longer what takes the time.
  package var logitChunkByteCount: Int { 1 << 29 }
}
