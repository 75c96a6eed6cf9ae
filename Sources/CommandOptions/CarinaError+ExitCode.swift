import ArgumentParser
import Carina

extension CarinaError {
  /// The exit code of a program that ends with this error (sysexits numbering, see `cli` in the README).
  public var exitCode: ExitCode {
    switch kind {
    case .usage: ExitCode(64)
    case .badData: ExitCode(65)
    case .missingInput: ExitCode(66)
    case .internalFailure: ExitCode(70)
    case .cannotWrite: ExitCode(73)
    case .interrupted: ExitCode(75)
    }
  }
}
