/// Numbers with a shape, row-major and without gaps, and, where a gradient will be wanted, a node on the tape.
///
/// Operations never write into their arguments. Activations are fp32; weights may be bfloat16.
public struct Tensor {
  /// Lengths of the dimensions, slowest first.
  package let shape: [Int]
  /// How the elements are stored.
  package let elementType: ElementType
  /// The bytes, possibly shared with other tensors.
  package let storage: Storage
  /// Where in the storage the first element lies.
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
  package init(uninitialized shape: [Int], elementType: ElementType = .float32) {
    let count = shape.reduce(1, *)
    self.init(
      shape: shape, elementType: elementType, storage: Storage(byteCount: count * elementType.byteCount))
  }

  /// New memory filled with zeros.
  package init(zeros shape: [Int], elementType: ElementType = .float32) {
    self.init(uninitialized: shape, elementType: elementType)
    pointer.initializeMemory(as: UInt8.self, repeating: 0, count: count * elementType.byteCount)
  }

  /// fp32 numbers, row-major.
  public init(_ values: [Float], shape: [Int]) {
    precondition(values.count == shape.reduce(1, *), "\(values.count) values do not fill the shape \(shape)")
    self.init(uninitialized: shape)
    values.withUnsafeBytes {
      pointer.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(pointer), byteCount: $0.count)
    }
  }

  /// How many elements.
  package var count: Int { shape.reduce(1, *) }
  /// The last dimension: the length of a row.
  package var width: Int { shape.last ?? 1 }
  /// How many rows of `width`.
  package var rows: Int { width == 0 ? 0 : count / width }
  /// The first element's address.
  package var pointer: UnsafeMutableRawPointer { storage.pointer + byteOffset }
  /// The first element's address; the tensor must be fp32.
  package var floats: UnsafeMutablePointer<Float> {
    precondition(elementType == .float32, "expected fp32 elements, got \(elementType)")
    return pointer.assumingMemoryBound(to: Float.self)
  }
  /// The first element's address; the tensor must be bfloat16.
  package var bfloats: UnsafeMutablePointer<UInt16> {
    precondition(elementType == .bfloat16, "expected bfloat16 elements, got \(elementType)")
    return pointer.assumingMemoryBound(to: UInt16.self)
  }

  /// The elements as fp32, row-major.
  package var values: [Float] {
    let source = converted(to: .float32)
    return Array(UnsafeBufferPointer(start: source.floats, count: count))
  }

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

  /// The same numbers without a node.
  package var detached: Tensor {
    Tensor(shape: shape, elementType: elementType, storage: storage, byteOffset: byteOffset)
  }

  /// A copy in memory of its own, off the tape.
  package func copied() -> Tensor {
    let result = Tensor(uninitialized: shape, elementType: elementType)
    result.pointer.copyMemory(from: pointer, byteCount: count * elementType.byteCount)
    return result
  }
}
