import CarinaRuntime

/// Which library multiplies: chosen from what the processor can do, or forced.
public enum MatrixProductChoice: String, CaseIterable, Sendable {
  /// OpenBLAS, in fp32.
  case openblas
  /// oneDNN, in fp32 and bfloat16.
  case onednn
  /// Tile registers in bfloat16 and oneDNN in fp32.
  case amx

  /// Tile registers where the processor has them, oneDNN where it has not, OpenBLAS where oneDNN cannot be started.
  static func automatic(_ pool: MemoryPool, _ failure: ProductFailure) -> any MatrixProductProvider {
    guard let library = OneDNNProduct(pool: pool, failure: failure) else { return OpenBLASProduct(pool: pool) }
    return AMXProduct(others: library, pool: pool) ?? library
  }

  /// Those that this processor can do.
  package static var available: [MatrixProductChoice] { allCases.filter { $0 != .amx || AMXProduct.isAvailable } }

  /// The library of this name.
  /// - Throws: `CarinaError.usage` when it is not there.
  func provider(_ pool: MemoryPool, _ failure: ProductFailure) throws -> any MatrixProductProvider {
    switch self {
    case .openblas: return OpenBLASProduct(pool: pool)
    case .onednn, .amx:
      guard let library = OneDNNProduct(pool: pool, failure: failure) else {
        throw CarinaError(.usage, "oneDNN could not be started", remedy: "Use \(setting: .matmul) openblas.")
      }
      guard self == .amx else { return library }
      guard let provider = AMXProduct(others: library, pool: pool) else {
        throw CarinaError(
          .usage, "this processor has no tile registers (AMX), or the system does not let the program use them",
          remedy: "Use \(setting: .matmul) onednn.")
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
      throw CarinaError(
        .usage, "\(setting: .matmul) is not known", expected: "openblas, onednn or amx", found: notation)
    }
    self = choice
  }
}

extension SettingName {
  /// The library of matrix products.
  package static let matmul = SettingName("matmul")
}
