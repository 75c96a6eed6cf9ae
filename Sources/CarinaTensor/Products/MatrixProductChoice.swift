import CarinaRuntime

/// Which library multiplies: chosen from what the processor can do, or forced.
public enum MatrixProductChoice: String, CaseIterable, Sendable {
  /// OpenBLAS, in fp32.
  case openblas
  /// oneDNN, in fp32 and bfloat16.
  case onednn

  /// oneDNN where it is built in, OpenBLAS otherwise.
  static func automatic(_ pool: MemoryPool, _ failure: ProductFailure) -> any MatrixProductProvider {
    OneDNNProduct(pool: pool, failure: failure) ?? OpenBLASProduct(pool: pool)
  }

  /// The library of this name.
  /// - Throws: `CarinaError.usage` when it is not there.
  func provider(_ pool: MemoryPool, _ failure: ProductFailure) throws -> any MatrixProductProvider {
    switch self {
    case .openblas: return OpenBLASProduct(pool: pool)
    case .onednn:
      guard let provider = OneDNNProduct(pool: pool, failure: failure) else {
        throw CarinaError(.usage, "oneDNN could not be started", remedy: "Use \(setting: .matmul) openblas.")
      }
      return provider
    }
  }
}

extension MatrixProductChoice: NotatedSettingValue {
  /// Reads the name of a library.
  /// - Throws: `CarinaError.usage` for another.
  public init(notation: String) throws {
    guard let choice = MatrixProductChoice(rawValue: notation) else {
      throw CarinaError(.usage, "\(setting: .matmul) is not known", expected: "openblas or onednn", found: notation)
    }
    self = choice
  }
}

extension SettingName {
  /// The library of matrix products.
  package static let matmul = SettingName("matmul")
}
