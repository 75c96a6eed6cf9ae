import CarinaRuntime

/// The cards of this machine, or why none can be used.
public struct CUDASurvey: Sendable {
  /// The cards; empty where none can be used.
  public let devices: [CUDADeviceInfo]
  /// CUDA's version that the driver speaks, as "13.0"; nil without a driver.
  public let driverVersion: String?
  /// Why there is no card; nil where there is one.
  public let missing: CarinaError?

  /// Asks the driver.
  public init() {
    switch CUDALibraries.opened {
    case .failure(let error): (devices, driverVersion, missing) = ([], nil, error)
    case .success(let libraries):
      var count: Int32 = 0
      _ = libraries.driver.cuDeviceGetCount(&count)
      devices = (0..<Int(count)).map { CUDASurvey.info($0, libraries) }
      driverVersion = "\(libraries.driverVersion / 1000).\(libraries.driverVersion % 1000 / 10)"
      missing = count == 0 ? CUDAErrors.noDevice(reason: "no device") : nil
    }
  }

  private static func info(_ index: Int, _ libraries: CUDALibraries) -> CUDADeviceInfo {
    let driver = libraries.driver
    var device: Int32 = 0, name = [CChar](repeating: 0, count: 256), bytes = 0
    _ = driver.cuDeviceGet(&device, Int32(index))
    _ = driver.cuDeviceGetName(&name, Int32(name.count), device)
    _ = driver.cuDeviceTotalMem_v2(&bytes, device)
    func attribute(_ number: Int32) -> Int {
      var value: Int32 = 0
      _ = driver.cuDeviceGetAttribute(&value, number, device)
      return Int(value)
    }
    return CUDADeviceInfo(
      index: index, name: String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self),
      totalBytes: bytes, major: attribute(75), minor: attribute(76), multiprocessorCount: attribute(16))
  }
}
