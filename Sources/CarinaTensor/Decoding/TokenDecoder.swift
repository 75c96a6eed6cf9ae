/// One more token of a few sequences through a decoder's blocks, in as few passes as a backend can: for backends on which many
/// short operations one after the other would take longer than reading the weights.
///
/// The numbers are those of the operations one by one but for roundings of what they hand on.
package protocol TokenDecoder {
  /// The most sequences that it takes at a time.
  var mostRows: Int { get }
  /// Whether it computes with blocks of such sizes.
  func takes(_ block: DecoderBlockWeights, headSize: Int) -> Bool
  /// What a block makes of the residual stream.
  /// - Parameters:
  ///   - state: a row for each sequence.
  ///   - positions: the position of each row.
  ///   - cache: where the layer's keys and values stand, [rows, K·E] of the type of activations, and the row of the new ones of
  ///     each sequence; they are written.
  ///   - layout: the attention of one query a sequence over that cache, the new keys counted.
  func decode(
    _ state: ResidualSum, through block: DecoderBlockWeights, rotation: RotaryTable, positions: [Int32],
    cache: (keys: Tensor, values: Tensor, rows: [Int]), layout: AttentionLayout
  ) -> ResidualSum
  /// The norm of the sum, as the output head reads it.
  func states(_ state: ResidualSum, gain: Tensor, epsilon: Float) -> Tensor
}
