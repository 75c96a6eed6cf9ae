import CHDF5
import CarinaRuntime
import Foundation

/// An open file, group, dataset, type, space or property list; closed when the value goes.
///
/// Unchecked because of `isOpen`, which is read and changed under the lock of the library alone.
final class HDF5Object: @unchecked Sendable {
  let id: hid_t
  private let closing: @Sendable (hid_t) -> herr_t
  private var isOpen = true

  /// - Throws: `failure` when the id says that the call that made it failed.
  init(_ id: hid_t, _ closing: @escaping @Sendable (hid_t) -> herr_t, orThrow failure: @autoclosure () -> CarinaError)
    throws
  {
    guard id >= 0 else { throw failure() }
    self.id = id
    self.closing = closing
  }

  /// Closes now, to see whether it works: for a file that is the moment when its last bytes are written.
  func close(orThrow failure: @autoclosure () -> CarinaError) throws {
    let status = try HDF5.locked {
      isOpen = false
      return closing(id)
    }
    guard status >= 0 else { throw failure() }
  }

  deinit {
    if isOpen { _ = try? HDF5.locked { closing(id) } }
  }
}
