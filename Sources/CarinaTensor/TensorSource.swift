/// Numbers that are read a piece at a time, so that no second copy of a large tensor is needed: a tensor's own, or
/// those of a trained weight whose fp32 original is kept in two halves.
package struct TensorSource {
  /// Lengths of the dimensions.
  package let shape: [Int]
  /// How pieces are stored.
  package let elementType: ElementType
  private let read: (Range<Int>) -> Tensor

  /// Numbers that `read` gives piece by piece.
  package init(shape: [Int], elementType: ElementType, read: @escaping (Range<Int>) -> Tensor) {
    self.shape = shape
    self.elementType = elementType
    self.read = read
  }

  /// A tensor's numbers.
  package init(_ tensor: Tensor) {
    self.init(shape: tensor.shape, elementType: tensor.elementType) { tensor.elementSlice($0) }
  }

  /// The fp32 numbers that the optimizer changes.
  package init(trainedValueOf parameter: Parameter) {
    guard let lower = parameter.remainder else {
      self.init(parameter.value)
      return
    }
    let upper = parameter.value
    self.init(shape: upper.shape, elementType: .float32) { range in
      let piece = Tensor(uninitialized: [range.count], on: upper.backend)
      upper.backend.join(upper: upper.elementSlice(range), lower: lower.elementSlice(range), into: piece)
      return piece
    }
  }

  /// The numbers of one and then those of another of the same type, [rows of both, …].
  package init(_ first: TensorSource, followedBy second: TensorSource, on backend: any Backend) {
    precondition(first.elementType == second.elementType && first.shape.dropFirst() == second.shape.dropFirst())
    let shape = [first.shape[0] + second.shape[0]] + first.shape.dropFirst()
    self.init(shape: shape, elementType: first.elementType) { range in
      let split = min(max(first.count, range.lowerBound), range.upperBound)
      let head = range.lowerBound..<split, tail = split - first.count..<range.upperBound - first.count
      if tail.isEmpty { return first.piece(head) }
      if head.isEmpty { return second.piece(tail) }
      let piece = Tensor(uninitialized: [range.count], elementType: first.elementType, on: backend)
      backend.copy(first.piece(head), into: piece.elementSlice(0..<head.count))
      backend.copy(second.piece(tail), into: piece.elementSlice(head.count..<range.count))
      return piece
    }
  }

  /// How many numbers.
  package var count: Int { shape.reduce(1, *) }
  /// Numbers `range` of the tensor read row-major, [range.count].
  package func piece(_ range: Range<Int>) -> Tensor { read(range) }
  /// All of them under their shape.
  package var whole: Tensor { read(0..<count).reshaped(shape) }
}
