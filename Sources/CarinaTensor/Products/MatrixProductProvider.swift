/// A library that multiplies matrices in the host's memory; another library is added here. What it cannot do it says,
/// and nothing has happened.
package protocol MatrixProductProvider: Sendable {
  /// What the run header prints.
  var name: String { get }
  /// Whether it has layouts of its own for factors that are used again.
  var packsFactors: Bool { get }
  /// c = a b, or c += a b; c is [a.rows, b.columns] fp32 with `cStride` elements between rows.
  func multiply(
    _ a: MatrixOperand, _ b: MatrixOperand, into c: UnsafeMutablePointer<Float>, cStride: Int, accumulate: Bool)
  /// c [a.rows, b.columns] = a b, densely, with what the epilogue asks for; false where it cannot.
  func multiply(
    _ a: MatrixOperand, _ b: MatrixOperand, into c: UnsafeMutableRawPointer, epilogue: ProductEpilogue
  ) -> Bool
  /// A copy of a bfloat16 right factor in the layout that it reads fastest; nil where it has none.
  func pack(_ b: MatrixOperand) -> (any PackedFactor)?
  /// Told when the work repeats itself, so that what is kept for it may take no more memory, and when other work begins.
  func settle(_ isSettled: Bool)
}

extension MatrixProductProvider {
  /// Nothing is kept.
  package func settle(_ isSettled: Bool) {}
}
