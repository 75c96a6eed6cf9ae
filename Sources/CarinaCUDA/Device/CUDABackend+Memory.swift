import CCUDA
import CarinaTensor
import Foundation

extension CUDABackend: TensorMemory {
  /// See `TensorMemory`: an address of the card.
  package func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
    let nowhere = CUDABackend.nowhere
    guard !hasFailed else { return nowhere }
    makeCurrent()
    guard let address = pool.allocate(byteCount) else {
      var free = 0, total = 0
      _ = libraries.driver.cuMemGetInfo_v2(&free, &total)
      note(CUDAErrors.outOfMemory(wanted: byteCount, free: free, inUse: pool.usage.inUse, total: total))
      return nowhere
    }
    return UnsafeMutableRawPointer(bitPattern: UInt(address)) ?? nowhere
  }

  // What is handed out where there is no memory: nobody follows it, as what has failed queues nothing.
  nonisolated(unsafe) private static let nowhere = UnsafeMutableRawPointer.allocate(byteCount: 256, alignment: 256)

  /// See `TensorMemory`.
  package func release(_ address: UnsafeMutableRawPointer, byteCount: Int) {
    guard address != CUDABackend.nowhere else { return }
    pool.release(UInt64(UInt(bitPattern: address)), byteCount)
  }

  /// See `TensorMemory`: a copy, after which the mapped pages may go.
  package func adopt(_ bytes: UnsafeMutableRawPointer, byteCount: Int, owner: AnyObject) -> Storage {
    let storage = Storage(byteCount: byteCount, on: self)
    stage(UnsafeRawBufferPointer(start: bytes, count: byteCount), to: UInt64(UInt(bitPattern: storage.address)))
    Storage(borrowing: bytes, byteCount: byteCount, owner: owner, on: self).releaseResidentPages()
    return storage
  }

  /// See `TensorMemory`: a copy, for which everything queued before is waited for.
  package func withHostBytes<Result>(
    of tensor: Tensor, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, tensor.byteCount), alignment: 64)
    defer { bytes.deallocate() }
    if hasFailed {
      bytes.initializeMemory(as: UInt8.self, repeating: 0)
    } else {
      makeCurrent()
      let driver = libraries.driver
      var code = driver.cuMemcpyDtoHAsync_v2(bytes.baseAddress, tensor.deviceAddress, tensor.byteCount, stream)
      if code == 0 { code = driver.cuStreamSynchronize(stream) }
      if !check(code, "reading \(tensor.byteCount) bytes") { bytes.initializeMemory(as: UInt8.self, repeating: 0) }
    }
    return try withExtendedLifetime(tensor.storage) {
      try body(UnsafeRawBufferPointer(start: bytes.baseAddress, count: tensor.byteCount))
    }
  }

  /// See `TensorMemory`: through memory of the host.
  package func fill<Result>(
    _ tensor: Tensor, _ body: (UnsafeMutableRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, tensor.byteCount), alignment: 64)
    defer { bytes.deallocate() }
    let result = try body(UnsafeMutableRawBufferPointer(start: bytes.baseAddress, count: tensor.byteCount))
    withExtendedLifetime(tensor.storage) {
      stage(UnsafeRawBufferPointer(start: bytes.baseAddress, count: tensor.byteCount), to: tensor.deviceAddress)
    }
    return result
  }

  /// See `TensorMemory`.
  package func fillWithZeros(_ tensor: Tensor) {
    guard tensor.byteCount > 0, !hasFailed else { return }
    makeCurrent()
    _ = withExtendedLifetime(tensor.storage) {
      check(
        libraries.driver.cuMemsetD8Async(tensor.deviceAddress, 0, tensor.byteCount, stream),
        "filling \(tensor.byteCount) bytes")
    }
  }

  /// See `TensorMemory`.
  package func copy(_ source: Tensor, into target: Tensor) {
    precondition(source.byteCount == target.byteCount, "\(source.shape) copied into \(target.shape)")
    guard source.byteCount > 0, !hasFailed else { return }
    makeCurrent()
    _ = withExtendedLifetime((source.storage, target.storage)) {
      check(
        libraries.driver.cuMemcpyDtoDAsync_v2(target.deviceAddress, source.deviceAddress, source.byteCount, stream),
        "copying \(source.byteCount) bytes")
    }
  }

  /// See `TensorMemory`.
  package var memoryUsage: (inUse: Int, peak: Int, reserved: Int) { pool.usage }

  /// See `TensorMemory`.
  package func trimMemory() {
    makeCurrent()
    pool.trim()
  }
}
