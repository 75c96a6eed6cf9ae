import CCUDA
import CarinaTensor

extension CUDABackend {
  /// See `Backend`: whole numbers are left to the processor.
  package var supportsByteProducts: Bool { false }

  /// See `Backend`: what the driver has free, and what the pool holds idle.
  package var memoryAvailable: Int? {
    makeCurrent()
    var free = 0, total = 0
    guard libraries.driver.cuMemGetInfo_v2(&free, &total) == 0 else { return nil }
    let usage = pool.usage
    return free + usage.reserved - usage.inUse
  }

  /// See `MatrixKernels`: the epilogues of cuBLASLt do not.
  package var multipliesInProducts: Bool { false }

  /// See `MatrixKernels`: a rounding less, and a pass less over the result.
  package var addsBiasInProducts: Bool { true }
}
