import CarinaRuntime
import CarinaTensor

/// How frozen matrices are kept.
public enum WeightStorage: String, CaseIterable, SettingValue {
  /// As the precision says.
  case full
  /// 8 bits with one scale a row.
  case int8

  /// Refuses what a device does not multiply.
  /// - Parameter option: how the option is written.
  /// - Throws: `CarinaError.usage`.
  public func require(on device: Device, _ option: String) throws {
    guard self == .int8, !device.multipliesBytes else { return }
    throw CarinaError(
      .usage, "\(option) int8 is for the processor: \(device.productName) multiplies no weights in 8 bits",
      expected: "\(option) full", remedy: "Leave \(option) out, or compute on the processor.")
  }
}
