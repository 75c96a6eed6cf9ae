/// A right factor [K, N] in a layout of a library's own.
package protocol PackedFactor: AnyObject {
  /// c [a.rows, N] = a b, densely, with what the epilogue asks for; false where the library has no fast kernel for
  /// these sizes.
  func multiply(_ a: MatrixOperand, into c: UnsafeMutableRawPointer, epilogue: ProductEpilogue) -> Bool
}
