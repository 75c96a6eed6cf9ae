/// A run of bytes that tensors look into: either from the pool, given back when the last tensor goes, or borrowed
/// from an owner such as a mapped file.
public final class Storage: @unchecked Sendable {
  /// The first byte.
  public let pointer: UnsafeMutableRawPointer
  /// How many bytes may be touched.
  public let byteCount: Int
  private let owner: AnyObject?

  /// Takes a buffer from the pool; its contents are arbitrary.
  public init(byteCount: Int) {
    self.byteCount = byteCount
    pointer = MemoryPool.shared.allocate(byteCount)
    owner = nil
  }

  /// Looks into memory that `owner` keeps alive. Written to only if `owner` allows it.
  public init(borrowing pointer: UnsafeMutableRawPointer, byteCount: Int, owner: AnyObject) {
    self.pointer = pointer
    self.byteCount = byteCount
    self.owner = owner
  }

  /// Whether the memory belongs to someone else (a mapped file), and so must not be written.
  public var isBorrowed: Bool { owner != nil }

  deinit {
    if owner == nil { MemoryPool.shared.release(pointer, byteCount) }
  }
}
