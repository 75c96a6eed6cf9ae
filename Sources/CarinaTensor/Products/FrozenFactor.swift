/// What a backend keeps beside one frozen matrix so that products with it are faster. Made by
/// `MatrixKernels.frozenFactor`.
package protocol FrozenFactor: AnyObject {
  /// Whether a copy in the library's own layout is made at the second use forwards; it serves backwards too, and the
  /// pages of a mapped file are given back.
  var packsWhenRepeated: Bool { get set }
  /// Whether that copy is there.
  var isPacked: Bool { get }
  /// The copy in 8 bits; nil unless `quantize` made it.
  var quantized: (any QuantizedFactor)? { get }
  /// Whether every product goes through that copy, in sums of bytes, forwards and back to the input.
  var multipliesBytes: Bool { get set }
  /// Makes the copy in 8 bits.
  /// - Parameter columnFactors: see `QuantizedFactor.columnFactors`.
  func quantize(_ matrix: Tensor, columnFactors: Tensor?)
  /// Keeps the copy in 8 bits in the form in which products with its rows read it, and in no other, where the backend has
  /// such a form: such products are faster, those back to the input about as fast.
  func packQuantized()
  /// Takes a copy in 8 bits that is there already.
  func take(_ quantized: any QuantizedFactor)
  /// Drops the copies, because the numbers have changed or will.
  func forget()
  /// c = a Wᵀ (forward) or a W with what is kept of W, `matrix`; c densely stored.
  /// - Returns: whether it was done: not where the rows are few, the library has no such kernel, or it is the first
  ///   time.
  func multiply(
    _ a: MatrixFactor, _ matrix: Tensor, isForward: Bool, into c: Tensor, epilogue: ProductEpilogue
  ) -> Bool
}

extension FrozenFactor {
  /// There is no such form.
  package func packQuantized() {}
}
