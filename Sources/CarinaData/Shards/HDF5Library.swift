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

/// An open file, group, dataset, type, space or property list; closed when the value goes.
final class HDF5Object {
  let id: hid_t
  private let closing: (hid_t) -> herr_t
  private var isOpen = true

  /// - Throws: `failure` when the id says that the call that made it failed.
  init(_ id: hid_t, _ closing: @escaping (hid_t) -> herr_t, orThrow failure: @autoclosure () -> CarinaError) throws {
    guard id >= 0 else { throw failure() }
    self.id = id
    self.closing = closing
  }

  /// Closes now, to see whether it works: for a file that is the moment when its last bytes are written.
  func close(orThrow failure: @autoclosure () -> CarinaError) throws {
    isOpen = false
    guard try HDF5.locked({ closing(id) }) >= 0 else { throw failure() }
  }

  deinit {
    if isOpen { _ = try? HDF5.locked { closing(id) } }
  }
}
