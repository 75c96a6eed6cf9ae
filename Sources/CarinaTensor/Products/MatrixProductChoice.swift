import CarinaRuntime

/// Which library multiplies: chosen from what the processor can do, or forced.
public enum MatrixProductChoice: String, CaseIterable, Sendable {
  /// OpenBLAS, in fp32.
  case openblas
  /// oneDNN, in fp32 and bfloat16.
  case onednn

  /// oneDNN where it is built in, OpenBLAS otherwise.
  package static func automatic() -> MatrixProductProvider { OneDNNProduct() ?? OpenBLASProduct() }

  /// The library of this name.
  /// - Throws: `CarinaError.usage` when it is not there.
  public func provider() throws -> MatrixProductProvider {
    switch self {
    case .openblas: return OpenBLASProduct()
    case .onednn:
      guard let provider = OneDNNProduct() else {
        throw CarinaError(
          .usage, "oneDNN could not be started", remedy: "Use \(setting: SettingName("matmul")) openblas.")
      }
      return provider
    }
  }
}
