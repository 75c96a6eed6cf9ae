import CarinaTensor

/// A low-rank change of one affine map: y + scale · B A drop(x) (Hu et al. 2021, LoRA; `lora.Linear` of PEFT).
package final class LowRankAdapter {
  /// The map's name in the checkpoint, without `.weight`.
  package let map: String
  /// A [rank, inputs] and B [outputs, rank].
  package let a: Parameter, b: Parameter
  /// alpha / rank, or alpha / √rank where the ranks are stabilised (Kalajdzievski 2023).
  package let scale: Double
  private let dropout: AdapterDropout?

  /// - Parameter dropout: what is dropped of x in training; nil for nothing.
  package init(map: String, a: Parameter, b: Parameter, scale: Double, dropout: AdapterDropout? = nil) {
    self.map = map
    self.a = a
    self.b = b
    self.scale = scale
    self.dropout = dropout
  }

  /// Rows of A.
  package var rank: Int { a.shape[0] }
  /// Both factors.
  package var parameters: [Parameter] { [a, b] }
  /// What it adds to the map at this moment.
  package var term: LowRankTerm { LowRankTerm(a: a, b: b, scale: Float(scale), mask: dropout?.mask(of: map)) }

  /// Whether it changes the map: whether neither factor is 0 throughout.
  package var changesTheMap: Bool {
    [a, b].allSatisfy { factor in factor.value.backend.sumOfSquares(factor.value.converted(to: .float32)) > 0 }
  }

  /// scale · B A, [outputs, inputs] fp32.
  package var product: Tensor {
    let left = b.value.converted(to: .float32), right = a.value.converted(to: .float32)
    let product = Tensor(uninitialized: [b.shape[0], a.shape[1]], on: left.backend)
    left.backend.multiply(MatrixFactor(left), MatrixFactor(right), into: product, accumulate: false)
    left.backend.scale(product, by: Float(scale))
    return product
  }
}
