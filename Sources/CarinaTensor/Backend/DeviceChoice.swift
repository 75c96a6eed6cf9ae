import CarinaRuntime

/// Where a person wants to compute.
public enum DeviceChoice: Hashable, Sendable {
  /// A CUDA card where one can be used, otherwise the processor.
  case automatic
  /// The processor.
  case cpu
  /// The CUDA card of this number, from 0.
  case cuda(Int)
}

extension DeviceChoice: CustomStringConvertible {
  /// As it is read: `auto`, `cpu`, `cuda:0`.
  public var description: String {
    switch self {
    case .automatic: "auto"
    case .cpu: "cpu"
    case .cuda(let index): "cuda:\(index)"
    }
  }
}

extension DeviceChoice: NotatedSettingValue {
  /// Reads `auto`, `cpu`, `cuda` (which is `cuda:0`) or `cuda:N`.
  /// - Throws: `CarinaError.usage` for anything else.
  public init(notation: String) throws {
    let parts = notation.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    switch (String(parts[0]), parts.dropFirst().first) {
    case ("auto", nil): self = .automatic
    case ("cpu", nil): self = .cpu
    case ("cuda", nil): self = .cuda(0)
    case ("cuda", let digits?) where digits.allSatisfy({ ("0"..."9").contains($0) }) && (1...4).contains(digits.count):
      self = .cuda(Int(digits) ?? 0)
    default:
      throw CarinaError(
        .usage, "\(setting: .device) is not known", expected: "auto, cpu, cuda, or cuda:N with the number of a card",
        found: notation)
    }
  }
}

extension SettingName {
  /// Where to compute.
  package static let device = SettingName("device")
}
