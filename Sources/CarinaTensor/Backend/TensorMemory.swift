/// The memory of a backend: where the numbers of its tensors lie, and the one way to and from the host.
package protocol TensorMemory: AnyObject, Sendable {
  /// Memory for `byteCount` bytes with arbitrary contents. Only this backend may follow the address: on a device it is
  /// one of the device's.
  func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer
  /// Takes back what `allocate` gave for `byteCount` bytes.
  func release(_ address: UnsafeMutableRawPointer, byteCount: Int)
  /// A storage of the bytes that `owner` keeps in the host's memory (a mapped file): in place where the backend reads
  /// that memory, otherwise a copy.
  func adopt(_ bytes: UnsafeMutableRawPointer, byteCount: Int, owner: AnyObject) -> Storage
  /// Lends a tensor's bytes to the host: the memory itself where the host reads it, otherwise a copy.
  func withHostBytes<Result>(of tensor: Tensor, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result
  /// Fills a tensor with the bytes that `body` writes, all of them.
  func fill<Result>(_ tensor: Tensor, _ body: (UnsafeMutableRawBufferPointer) throws -> Result) rethrows -> Result
  /// Makes every number zero.
  func fillWithZeros(_ tensor: Tensor)
  /// Copies the numbers of one tensor into another of the same count and element type.
  func copy(_ source: Tensor, into target: Tensor)
  /// Bytes handed out, the most of them at any moment, and those held from the system.
  var memoryUsage: (inUse: Int, peak: Int, reserved: Int) { get }
  /// Gives idle memory back to the system.
  func trimMemory()
  /// Told how many bytes the work to come will hand out at its highest: until then, what is idle is kept for it.
  func expect(_ byteCount: Int)
}

extension TensorMemory {
  /// Nothing is kept for it.
  package func expect(_ byteCount: Int) {}
}

extension CPUBackend: TensorMemory {
  /// See `TensorMemory`: from the pool.
  package func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer { pool.allocate(byteCount) }

  /// See `TensorMemory`: back to the pool.
  package func release(_ address: UnsafeMutableRawPointer, byteCount: Int) { pool.release(address, byteCount) }

  /// See `TensorMemory`: in place.
  package func adopt(_ bytes: UnsafeMutableRawPointer, byteCount: Int, owner: AnyObject) -> Storage {
    Storage(borrowing: bytes, byteCount: byteCount, owner: owner, on: self)
  }

  /// See `TensorMemory`: the memory itself.
  package func withHostBytes<Result>(
    of tensor: Tensor, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    try withExtendedLifetime(tensor.storage) {
      try body(UnsafeRawBufferPointer(start: tensor.pointer, count: tensor.byteCount))
    }
  }

  /// See `TensorMemory`: the memory itself.
  package func fill<Result>(
    _ tensor: Tensor, _ body: (UnsafeMutableRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    try withExtendedLifetime(tensor.storage) {
      try body(UnsafeMutableRawBufferPointer(start: tensor.pointer, count: tensor.byteCount))
    }
  }

  /// See `TensorMemory`.
  package func fillWithZeros(_ tensor: Tensor) {
    tensor.pointer.initializeMemory(as: UInt8.self, repeating: 0, count: tensor.byteCount)
  }

  /// See `TensorMemory`.
  package func copy(_ source: Tensor, into target: Tensor) {
    precondition(source.byteCount == target.byteCount, "\(source.shape) copied into \(target.shape)")
    target.pointer.copyMemory(from: source.pointer, byteCount: source.byteCount)
  }

  /// See `TensorMemory`.
  package var memoryUsage: (inUse: Int, peak: Int, reserved: Int) { pool.usage }

  /// See `TensorMemory`.
  package func trimMemory() { pool.trim() }

  /// See `TensorMemory`: the pool gives nothing back for it.
  package func expect(_ byteCount: Int) { pool.expect(byteCount) }
}
