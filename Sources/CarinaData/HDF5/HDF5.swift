import CHDF5
import CarinaRuntime
import Foundation

/// The HDF5 library: serial, so every call is made under one lock, with its printing turned off.
enum HDF5 {
  private static let lock = NSRecursiveLock()
  // For versions whose files can only be told by the environment.
  private static let environment: Void = { setenv("HDF5_USE_FILE_LOCKING", "FALSE", 0) }()

  /// Runs `body` alone among all users of the library.
  static func locked<Result>(_ body: () throws -> Result) throws -> Result {
    lock.lock()
    defer { lock.unlock() }
    _ = environment
    // Builds of the library that know threads keep a printing switch for each.
    guard carina_h5_start() >= 0 else { throw CarinaError(.internalFailure, "the HDF5 library does not start") }
    return try body()
  }
}
