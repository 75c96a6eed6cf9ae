import CHDF5
import CarinaRuntime
import Foundation

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
