/// Numbers with a shape, row-major and without gaps, and, where a gradient will be wanted, a node on the tape.
///
/// Operations never write into their arguments. Activations are of `Backend.activations`, and the primitives of a backend
/// where that is bfloat16 take either type wherever they say fp32 of one; weights may be bfloat16.
public struct Tensor {
  /// Lengths of the dimensions, slowest first.
  package let shape: [Int]
  /// How the elements are stored.
  package let elementType: ElementType
  /// The bytes, possibly shared with other tensors.
  package let storage: Storage
  /// Offset in bytes of the first element in the storage.
  package let byteOffset: Int
  /// Where the gradient of this tensor is collected; nil when none is needed.
  package internal(set) var node: GradientNode?

  /// Looks into an existing storage.
  package init(shape: [Int], elementType: ElementType = .float32, storage: Storage, byteOffset: Int = 0) {
    self.shape = shape
    self.elementType = elementType
    self.storage = storage
    self.byteOffset = byteOffset
    precondition(
      byteOffset + count * elementType.byteCount <= storage.byteCount,
      "a tensor of shape \(shape) does not fit its storage of \(storage.byteCount) bytes")
  }

  /// New memory with arbitrary contents.
  package init(uninitialized shape: [Int], elementType: ElementType = .float32, on backend: any Backend) {
    let count = shape.reduce(1, *)
    self.init(
      shape: shape, elementType: elementType,
      storage: Storage(byteCount: count * elementType.byteCount, on: backend))
  }

  /// New memory filled with zeros.
  package init(zeros shape: [Int], elementType: ElementType = .float32, on backend: any Backend) {
    self.init(uninitialized: shape, elementType: elementType, on: backend)
    backend.fillWithZeros(self)
  }

  /// New memory filled with the bytes that `body` writes, all of them, row-major.
  package init(
    _ shape: [Int], elementType: ElementType = .float32, on backend: any Backend,
    fromHost body: (UnsafeMutableRawBufferPointer) throws -> Void
  ) rethrows {
    self.init(uninitialized: shape, elementType: elementType, on: backend)
    try backend.fill(self, body)
  }

  /// fp32 numbers, row-major.
  package init(_ values: [Float], shape: [Int], on backend: any Backend) {
    precondition(values.count == shape.reduce(1, *), "\(values.count) values do not fill the shape \(shape)")
    self.init(shape, on: backend) { bytes in values.withUnsafeBytes { bytes.copyMemory(from: $0) } }
  }

  /// fp32 numbers, row-major:
  ///
  ///     let pixels = Tensor(image.flatMap { $0 }, shape: [1, image.count], on: device)
  public init(_ values: [Float], shape: [Int], on device: Device) {
    self.init(values, shape: shape, on: device.backend)
  }

  /// What computes with it.
  package var backend: any Backend { storage.backend }
  /// How many elements.
  package var count: Int { shape.reduce(1, *) }
  /// The last dimension: the length of a row.
  package var width: Int { shape.last ?? 1 }
  /// How many bytes.
  package var byteCount: Int { count * elementType.byteCount }
  /// How many rows of `width`.
  package var rows: Int { width == 0 ? 0 : count / width }
  /// The first element's address, for backends in the host's memory.
  var pointer: UnsafeMutableRawPointer { storage.address + byteOffset }
  /// The first element's address; the tensor must be fp32.
  var floats: UnsafeMutablePointer<Float> {
    precondition(elementType == .float32, "expected fp32 elements, got \(elementType)")
    return pointer.assumingMemoryBound(to: Float.self)
  }
  /// The first element's address; the tensor must be bfloat16.
  var bfloats: UnsafeMutablePointer<UInt16> {
    precondition(elementType == .bfloat16, "expected bfloat16 elements, got \(elementType)")
    return pointer.assumingMemoryBound(to: UInt16.self)
  }

  /// The first element's address; the tensor must be of codes.
  var codes: UnsafeMutablePointer<UInt8> {
    precondition(elementType == .uint8, "expected codes, got \(elementType)")
    return pointer.assumingMemoryBound(to: UInt8.self)
  }

  /// Lends the numbers to the host, row-major: the memory itself where the host reads it, otherwise a copy. The one way
  /// out.
  package func withHostBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try backend.withHostBytes(of: self, body)
  }

  /// Lends fp32 numbers to the host, row-major.
  package func withHostFloats<Result>(_ body: (UnsafeBufferPointer<Float>) throws -> Result) rethrows -> Result {
    precondition(elementType == .float32, "expected fp32 elements, got \(elementType)")
    return try withHostBytes { try body($0.assumingMemoryBound(to: Float.self)) }
  }

  /// The elements as fp32, row-major.
  package var values: [Float] { converted(to: .float32).withHostFloats { Array($0) } }

  /// The same elements under another shape, on the same node; the node's gradient keeps this tensor's count.
  package func reshaped(_ shape: [Int]) -> Tensor {
    precondition(shape.reduce(1, *) == count, "\(self.shape) cannot be read as \(shape)")
    var result = Tensor(shape: shape, elementType: elementType, storage: storage, byteOffset: byteOffset)
    result.node = node
    return result
  }

  /// Rows `range` of this tensor read as [rows, width], sharing its memory, off the tape.
  package func rowSlice(_ range: Range<Int>) -> Tensor {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows \(range) of \(rows)")
    return Tensor(
      shape: [range.count, width], elementType: elementType, storage: storage,
      byteOffset: byteOffset + range.lowerBound * width * elementType.byteCount)
  }

  /// Numbers `range` of this tensor read row-major, [range.count], sharing its memory, off the tape.
  package func elementSlice(_ range: Range<Int>) -> Tensor {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "numbers \(range) of \(count)")
    return Tensor(
      shape: [range.count], elementType: elementType, storage: storage,
      byteOffset: byteOffset + range.lowerBound * elementType.byteCount)
  }

  /// The same numbers without a node.
  package var detached: Tensor {
    Tensor(shape: shape, elementType: elementType, storage: storage, byteOffset: byteOffset)
  }

  /// A copy in memory of its own, off the tape.
  package func copied() -> Tensor {
    let result = Tensor(uninitialized: shape, elementType: elementType, on: backend)
    backend.copy(self, into: result)
    return result
  }
}
