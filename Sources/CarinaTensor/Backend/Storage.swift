import Foundation

/// A run of bytes that tensors look into: either from the pool, given back when the last tensor goes, or borrowed
/// from an owner such as a mapped file.
package final class Storage: @unchecked Sendable {
  /// The first byte.
  package let pointer: UnsafeMutableRawPointer
  /// How many bytes may be touched.
  package let byteCount: Int
  private let owner: AnyObject?

  /// Takes a buffer from the pool; its contents are arbitrary.
  package init(byteCount: Int) {
    self.byteCount = byteCount
    pointer = MemoryPool.shared.allocate(byteCount)
    owner = nil
  }

  /// Looks into memory that `owner` keeps alive. Written to only if `owner` allows it.
  package init(borrowing pointer: UnsafeMutableRawPointer, byteCount: Int, owner: AnyObject) {
    self.pointer = pointer
    self.byteCount = byteCount
    self.owner = owner
  }

  /// Whether the memory belongs to someone else (a mapped file), and so must not be written.
  package var isBorrowed: Bool { owner != nil }

  /// Lets the system take back the pages of a mapped file that have been read and are not needed soon; reading them again reads the
  /// file again. Whole pages inside the borrowed bytes only; nothing for memory of the pool.
  package func releaseResidentPages() {
    guard isBorrowed else { return }
    let page = UInt(sysconf(Int32(_SC_PAGESIZE))), address = UInt(bitPattern: pointer)
    let first = (address + page - 1) / page * page, last = (address + UInt(byteCount)) / page * page
    guard first < last, let start = UnsafeMutableRawPointer(bitPattern: first) else { return }
    madvise(start, Int(last - first), 4)  // MADV_DONTNEED; a refusal only keeps the pages
  }

  deinit {
    if owner == nil { MemoryPool.shared.release(pointer, byteCount) }
  }
}
