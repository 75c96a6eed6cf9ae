import CarinaTensor

/// The most probable token by a copy of the output head in 8 bits: rows that could win by the bounds of their rounding
/// are multiplied again in bfloat16, so the token is exactly the one of the whole product at about half its bytes.
///
/// The head of a large vocabulary is nearly a third of what a token of decoding reads.
package final class LogitPrefilter {
  private let head: Parameter
  private var backend: any Backend { head.value.backend }
  private var copy: (any QuantizedFactor)?
  private var stepsBefore = 0
  private let patience: Int
  /// More candidates than this are not worth picking out.
  private static let mostCandidates = 4096
  /// Steps before the copy is made, and bytes of a head from which on it is, unless told otherwise.
  static let patience = 16, smallestByteCount = 1 << 26

  /// Nil where the choice needs all logits, the head is small or not in bfloat16, or the backend multiplies no bytes.
  ///
  /// - Parameters:
  ///   - patience: steps with the whole product before the copy is made, which costs as much as a few of them.
  ///   - smallestByteCount: heads of fewer bytes are left alone.
  package init?(
    _ head: Parameter, _ options: GenerationOptions, patience: Int? = nil, smallestByteCount: Int? = nil
  ) {
    guard options.beamCount == 1, options.picksLargest,
      head.value.backend.supportsByteProducts, head.value.elementType == .bfloat16, head.quantized == nil,
      head.count * 2 >= smallestByteCount ?? LogitPrefilter.smallestByteCount
    else { return nil }
    self.head = head
    self.patience = patience ?? LogitPrefilter.patience
  }

  /// The first of the most probable tokens for each row of states [R, D]; nil when the whole product is needed.
  package func tokens(_ states: Tensor) -> [Int]? {
    guard states.rows > 0, states.rows <= backend.mostFewRows else { return nil }
    guard let copy else {
      stepsBefore += 1
      if stepsBefore >= patience { self.copy = backend.quantized(head.matrix) }
      return nil
    }
    let rounded = states.detached.converted(to: .bfloat16), x = rounded.converted(to: .float32)
    let products = copy.product(x)
    var wanted = Set<Int>()
    for row in 0..<states.rows {
      let found = copy.candidates(x, products: products, row: row)
      guard !found.isEmpty else { return nil }
      wanted.formUnion(found)
    }
    guard wanted.count <= LogitPrefilter.mostCandidates else { return nil }
    var best = [(token: Int, logit: Float)](repeating: (0, -.infinity), count: states.rows)
    let logits = Tensor(uninitialized: [states.rows, 1], on: backend)
    for token in wanted.sorted() {
      // As many rows at once as in the whole product, whose digits depend on it.
      backend.multiply(
        MatrixFactor(rounded), MatrixFactor(head.matrix.rowSlice(token..<token + 1)).transposed, into: logits,
        accumulate: false)
      for (row, logit) in logits.values.enumerated() where logit > best[row].logit { best[row] = (token, logit) }
    }
    guard best.allSatisfy({ $0.logit.isFinite }) else { return nil }
    return best.map(\.token)
  }
}
