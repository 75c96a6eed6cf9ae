// Until CarinaCUDA is there.
import CarinaRuntime
import CarinaTensor

public struct CUDADeviceInfo: Equatable, Sendable {
  public let index: Int, name: String, totalBytes: Int
  public let capability: (major: Int, minor: Int)
  public static func == (a: Self, b: Self) -> Bool { a.index == b.index }
}

public struct CUDASurvey: Sendable {
  public var devices: [CUDADeviceInfo] = []
  public var driverVersion: String?
  public var missing: String? = "no NVIDIA driver (libcuda.so.1 was not found)"
}

extension Device {
  public static func cuda(index: Int, activations: ElementType) throws -> Device { try .processor() }
  public static func cudaDevices() -> CUDASurvey { CUDASurvey() }
}

extension CUDADeviceInfo {
  public var hasBFloat16: Bool { capability.major >= 8 }
  public var noBFloat16: CarinaError { CarinaError(.usage, "") }
}

extension CUDASurvey {
  public func card(_ index: Int) throws -> CUDADeviceInfo {
    if let missing {
      throw CarinaError(
        .usage, "--device cuda:\(index) cannot be used: \(missing)",
        remedy: "Use --device cpu.")
    }
    return devices[index]
  }
}
