import CarinaTensor
import Foundation

/// Zeros that take no memory until they are touched, for weights that a checkpoint lacks.
final class ZeroPages {
  private let pointer: UnsafeMutableRawPointer
  private let byteCount: Int

  private init?(byteCount: Int) {
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    guard let pointer = mmap(nil, max(byteCount, 1), PROT_READ | PROT_WRITE, flags, -1, 0), pointer != MAP_FAILED else {
      return nil
    }
    self.pointer = pointer
    self.byteCount = byteCount
  }

  deinit { munmap(pointer, max(byteCount, 1)) }

  /// Zeros of a shape. Where not even the addresses suffice, or the backend would have to copy them, as `unreadable`:
  /// such a model is refused by `StrictLoader.finish` and never run.
  static func tensor(_ shape: [Int], on backend: any Backend) -> Tensor {
    let byteCount = shape.reduce(4, *)
    guard backend.memoryAvailable == nil, let pages = ZeroPages(byteCount: byteCount) else {
      return unreadable(shape, on: backend)
    }
    return Tensor(shape: shape, storage: backend.adopt(pages.pointer, byteCount: byteCount, owner: pages))
  }

  /// A tensor of a shape whose numbers must not be read: a page that only claims to be long enough.
  static func unreadable(_ shape: [Int], on backend: any Backend) -> Tensor {
    guard let page = ZeroPages(byteCount: 4096) else { return Tensor(zeros: shape, on: backend) }
    return Tensor(
      shape: shape,
      storage: Storage(borrowing: page.pointer, byteCount: shape.reduce(4, *), owner: page, on: backend))
  }
}
