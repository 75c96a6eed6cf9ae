/// A matrix [N, K] in 8 bits with one scale a row.
package protocol QuantizedFactor: AnyObject {
  /// Its bytes, as `QuantizedLayout` divides them.
  var storage: Storage { get }
  /// Bytes that it takes.
  var byteCount: Int { get }
  /// What each column of the rows is multiplied by before they meet the bytes, [K] fp32 of powers of two, the weights'
  /// columns having been divided by it; nil for 1.
  var columnFactors: Tensor? { get }
  /// x Wᵀ for x [R, K] fp32, giving [R, N]; not for a matrix with `columnFactors`.
  func product(_ x: Tensor) -> Tensor
  /// c = x Wᵀ + bias + summand for every number of rows, in sums of bytes: a row of c depends on its own row of x alone.
  /// - Parameters:
  ///   - x: [R, K], rounded with `columnFactors`.
  ///   - bias: [N] fp32.
  ///   - summand: [R, N] fp32.
  ///   - c: [R, N] fp32.
  func multiply(_ x: ByteRows, bias: Tensor?, summand: Tensor?, into c: Tensor)
  /// dx = gradient W likewise, with the gradient rounded to bytes row by row.
  /// - Parameters:
  ///   - gradient: [R, N] fp32.
  ///   - dx: [R, K] fp32.
  func multiplyBack(_ gradient: Tensor, into dx: Tensor)
  /// Rows n of W for which W's own product with row `row` of x could be the largest, rising.
  /// - Parameter products: `product(x)`.
  /// - Returns: none when the products are no numbers.
  func candidates(_ x: Tensor, products: Tensor, row: Int) -> [Int]
}
