/// What takes the rows of a pre-norm encoder, all of whose matrices are multiplied in bytes, through everything that lies
/// between two attentions, a few rows at a time: what an operation hands to the next stays in the caches of a core, and
/// threads meet once. The digits are those of the operations one by one.
package protocol ByteEncoder {
  /// Whether it computes with such a block: every matrix is multiplied in bytes and packed.
  func takes(_ block: EncoderBlockWeights) -> Bool
  /// What comes after the attention of one block and before that of the next.
  /// - Parameters:
  ///   - x: the state, [R, W] fp32.
  ///   - left: the block whose attention gave `mixed`, [R, W] fp32; nil before the first.
  ///   - entered: the block that follows; nil behind the last.
  func advance(
    _ x: Tensor, from left: (block: EncoderBlockWeights, mixed: Tensor)?, to entered: EncoderBlockWeights?
  ) -> EncoderStep
  /// The attention between them, in which every row of a sequence sees every other.
  /// - Parameters:
  ///   - projections: queries, keys and values, [R, W] fp32.
  ///   - products: see `attention`.
  /// - Returns: [R, W] fp32.
  func attend(_ projections: [Tensor], _ layout: AttentionLayout, products: ElementType) -> Tensor
}

/// The state between two blocks of an encoder.
package struct EncoderStep {
  /// [R, W] fp32.
  package let state: Tensor
  /// Queries, keys and values of the block that was entered, [R, W] fp32; empty where none was.
  package let projections: [Tensor]
}
