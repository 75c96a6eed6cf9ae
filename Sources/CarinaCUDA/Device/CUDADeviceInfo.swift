/// One card as the driver describes it.
public struct CUDADeviceInfo: Sendable {
  /// Its number, from 0.
  public let index: Int
  /// Its name.
  public let name: String
  /// Its memory in bytes.
  public let totalBytes: Int
  /// Its compute capability.
  public let major: Int, minor: Int
  /// How many multiprocessors it has.
  public let multiprocessorCount: Int

  /// Whether it has Hopper's warpgroup products.
  var isHopper: Bool { major == 9 && minor == 0 }

  /// The compute capability, as "9.0".
  public var capability: String { "\(major).\(minor)" }
}
