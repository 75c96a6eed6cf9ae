import CarinaRuntime
import CarinaTensor
import Foundation

/// What a card says of itself.
extension CUDABackend {
  /// See `Backend`: number, name, memory, compute capability, and the CUDA version of the driver.
  package var deviceName: String? {
    let memory = String(format: "%.1f GiB", Double(device.totalBytes) / 0x1p30), version = libraries.driverVersion
    return "cuda:\(device.index) \(device.name), \(memory), compute capability \(device.capability), "
      + "driver \(version / 1000).\(version % 1000 / 10)"
  }

  /// See `Backend`: what the driver calls free, and the idle blocks of the pool.
  package var memoryAvailable: Int? {
    makeCurrent()
    var free = 0, total = 0
    guard libraries.driver.cuMemGetInfo_v2(&free, &total) == 0 else { return nil }
    let usage = pool.usage
    return free + max(0, usage.reserved - usage.inUse)
  }

  /// See `Backend`: no, weights are multiplied in the types of the activations.
  package var supportsByteProducts: Bool { false }
}
