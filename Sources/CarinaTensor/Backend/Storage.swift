import CKernels
import Foundation

/// A run of bytes of a backend that tensors look into: either allocated, and given back when the last tensor goes, or
/// borrowed from an owner such as a mapped file.
// Unchecked: everything is constant but the bytes, and an operation writes only into tensors that it made or that its
// caller owns.
package final class Storage: @unchecked Sendable {
  /// What computes with the bytes.
  package let backend: any Backend
  /// The first byte; only the backend may follow it.
  package let address: UnsafeMutableRawPointer
  /// How many bytes may be touched.
  package let byteCount: Int
  private let owner: AnyObject?

  /// Takes memory of a backend; its contents are arbitrary.
  package init(byteCount: Int, on backend: any Backend) {
    self.backend = backend
    self.byteCount = byteCount
    address = backend.allocate(byteCount)
    owner = nil
  }

  /// Looks into memory that `owner` keeps alive, for backends that read it where it is (see `TensorMemory.adopt`).
  package init(borrowing address: UnsafeMutableRawPointer, byteCount: Int, owner: AnyObject, on backend: any Backend) {
    self.backend = backend
    self.address = address
    self.byteCount = byteCount
    self.owner = owner
  }

  /// Whether the memory belongs to someone else (a mapped file), and so must not be written.
  package var isBorrowed: Bool { owner != nil }

  /// Lets the system take back the pages of a mapped file that have been read and are not needed soon; reading them
  /// again reads the file again. Whole pages inside the borrowed bytes only; nothing for memory of the backend's own.
  package func releaseResidentPages() {
    guard isBorrowed else { return }
    let page = UInt(sysconf(Int32(_SC_PAGESIZE))), start = UInt(bitPattern: address)
    let first = (start + page - 1) / page * page, last = (start + UInt(byteCount)) / page * page
    guard first < last, let pages = UnsafeMutableRawPointer(bitPattern: first) else { return }
    carina_advise_unneeded(pages, Int64(last - first))
  }

  deinit {
    if owner == nil { backend.release(address, byteCount: byteCount) }
  }
}
