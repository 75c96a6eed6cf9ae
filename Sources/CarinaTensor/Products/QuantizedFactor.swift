/// A matrix [N, K] in 8 bits with one scale a row.
package protocol QuantizedFactor: AnyObject {
  /// Its bytes, as `QuantizedLayout` divides them.
  var storage: Storage { get }
  /// Bytes that it takes.
  var byteCount: Int { get }
  /// What each column of the rows is multiplied by before they meet the bytes, [K] fp32 of powers of two, the weights'
  /// columns having been divided by it; nil for 1.
  var columnFactors: Tensor? { get }
  /// The scale of each row, [N] fp32: what the columns of a gradient are multiplied by before they meet the bytes.
  var rowFactors: Tensor { get }
  /// x Wᵀ for x [R, K] fp32, giving [R, N]; not for a matrix with `columnFactors`.
  func product(_ x: Tensor) -> Tensor
  /// c = x Wᵀ + bias + summand for every number of rows, in sums of bytes: a row of c depends on its own row of x alone.
  /// - Parameters:
  ///   - x: [R, K], rounded with `columnFactors`.
  ///   - bias: [N] fp32.
  ///   - summand: [R, N] fp32; may be `c`.
  ///   - c: [R, N] fp32, or bfloat16, to which the sums are then rounded.
  func multiply(_ x: ByteRows, bias: Tensor?, summand: Tensor?, into c: Tensor)
  /// A gradient [R, N] fp32 in 8 bits, row by row, for `multiplyBack`.
  func gradientRows(_ gradient: Tensor) -> ByteRows
  /// dx = gradient W likewise, or dx += gradient W.
  /// - Parameters:
  ///   - gradient: [R, N], rounded with `rowFactors`.
  ///   - adds: whether dx has numbers that the products are added to.
  ///   - dx: [R, K] fp32.
  func multiplyBack(_ gradient: ByteRows, adds: Bool, into dx: Tensor)
  /// Rows n of W for which W's own product with row `row` of x could be the largest, rising.
  /// - Parameter products: `product(x)`.
  /// - Returns: none when the products are no numbers.
  func candidates(_ x: Tensor, products: Tensor, row: Int) -> [Int]
}

extension QuantizedFactor {
  /// The same of a gradient [R, N] fp32.
  package func multiplyBack(_ gradient: Tensor, adds: Bool = false, into dx: Tensor) {
    multiplyBack(gradientRows(gradient), adds: adds, into: dx)
  }
}
