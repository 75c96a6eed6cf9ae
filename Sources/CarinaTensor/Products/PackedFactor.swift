/// A right factor [K, N] in a layout of a library's own.
package protocol PackedFactor: AnyObject {
  /// c [a.rows, N] = a b, densely, with what the epilogue asks for; false where the library has no fast kernel for
  /// these sizes.
  func multiply(_ a: MatrixOperand, into c: UnsafeMutableRawPointer, epilogue: ProductEpilogue) -> Bool
  /// c [a.rows, N] = a b, or c += a b, densely, fp32; false where the library has no fast kernel for these sizes.
  func multiply(_ a: MatrixOperand, into c: UnsafeMutablePointer<Float>, accumulate: Bool) -> Bool
  /// c [a.rows, K] = a bᵀ, densely, by a second copy that is made of the first and gone after the product; false where
  /// the layout does not allow it or the rows are too few to pay for it.
  func multiplyTransposed(_ a: MatrixOperand, into c: UnsafeMutableRawPointer, epilogue: ProductEpilogue) -> Bool
}
