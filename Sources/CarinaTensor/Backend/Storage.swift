import CKernels
import Foundation

/// A run of bytes of a backend that tensors look into: either allocated, and given back when the last tensor goes, or
/// borrowed from an owner such as a mapped file.
// Unchecked: everything is constant but the bytes, and an operation writes only into tensors that it made or that its
// caller owns; bytes are given back only where nothing computes with them, and made again under the lock.
package final class Storage: @unchecked Sendable {
  /// What computes with the bytes.
  package let backend: any Backend
  /// The first byte; only the backend may follow it. Memory that was given back and can be made again is made again.
  package var address: UnsafeMutableRawPointer {
    if let held { return held }
    return made()
  }
  /// How many bytes may be touched.
  package let byteCount: Int
  private let owner: AnyObject?
  /// Where the bytes are; nil while they are given back.
  private var held: UnsafeMutableRawPointer?
  /// What the bytes were made anew in, and how they are.
  private var replacement: Storage?, remake: (() -> Storage)?
  private let lock = NSLock()

  /// Takes memory of a backend; its contents are arbitrary.
  package init(byteCount: Int, on backend: any Backend) {
    self.backend = backend
    self.byteCount = byteCount
    held = backend.allocate(byteCount)
    owner = nil
  }

  /// Looks into memory that `owner` keeps alive, for backends that read it where it is (see `TensorMemory.adopt`).
  package init(borrowing address: UnsafeMutableRawPointer, byteCount: Int, owner: AnyObject, on backend: any Backend) {
    self.backend = backend
    held = address
    self.byteCount = byteCount
    self.owner = owner
  }

  /// Whether the memory belongs to someone else (a mapped file), and so must not be written.
  package var isBorrowed: Bool { owner != nil }

  /// Says how memory of the backend's own, which nobody will write, is made again after `releaseResidentPages` gave it
  /// back; nil where it is to stay, as it will be written.
  package func setRemaking(_ remake: (() -> Storage)?) {
    if remake == nil { _ = address }
    lock.withLock { self.remake = remake }
  }

  private func made() -> UnsafeMutableRawPointer {
    lock.withLock {
      if let held { return held }
      let storage = remake?() ?? Storage(byteCount: byteCount, on: backend)
      precondition(storage.byteCount >= byteCount, "\(storage.byteCount) bytes made anew of \(byteCount)")
      replacement = storage
      held = storage.address
      return storage.address
    }
  }

  /// Lets the system take back the pages of a mapped file that have been read and are not needed soon; reading them
  /// again reads the file again. Whole pages inside the borrowed bytes only; of memory of the backend's own what
  /// `setRemaking` says how to make again. No tensor of it may be in use.
  /// - Parameter bytes: which of a mapped file's bytes; nil for all.
  package func releaseResidentPages(_ bytes: Range<Int>? = nil) {
    guard isBorrowed else {
      lock.withLock {
        guard remake != nil, let address = held else { return }
        if replacement == nil { backend.release(address, byteCount: byteCount) }
        (held, replacement) = (nil, nil)
      }
      return
    }
    let page = UInt(sysconf(Int32(_SC_PAGESIZE))), bytes = bytes ?? 0..<byteCount
    let start = UInt(bitPattern: address + bytes.lowerBound)
    let first = (start + page - 1) / page * page, last = (start + UInt(bytes.count)) / page * page
    guard first < last, let pages = UnsafeMutableRawPointer(bitPattern: first) else { return }
    carina_advise_unneeded(pages, Int64(last - first))
  }

  deinit {
    if owner == nil, replacement == nil, let held { backend.release(held, byteCount: byteCount) }
  }
}
