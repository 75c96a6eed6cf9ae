/// A matrix [N, K] in 8 bits with one scale a row.
package protocol QuantizedFactor: AnyObject {
  /// Its bytes, as `QuantizedLayout` divides them.
  var storage: Storage { get }
  /// Bytes that it takes.
  var byteCount: Int { get }
  /// x Wᵀ for x [R, K] fp32, giving [R, N].
  func product(_ x: Tensor) -> Tensor
  /// Rows n of W for which W's own product with row `row` of x could be the largest, rising.
  /// - Parameter products: `product(x)`.
  /// - Returns: none when the products are no numbers.
  func candidates(_ x: Tensor, products: Tensor, row: Int) -> [Int]
}
