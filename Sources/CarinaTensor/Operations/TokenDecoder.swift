/// One more token of a few sequences through a decoder's blocks, in as few passes as a backend can: for backends on which many
/// short operations one after the other would take longer than reading the weights.
///
/// The numbers are those of the operations one by one but for roundings of what they hand on.
package protocol TokenDecoder {
  /// The most sequences that it takes at a time.
  var mostRows: Int { get }
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

/// A residual stream to which a block's last branch is still to be added: x + norm(branch).
package struct ResidualSum {
  /// x [R, D] fp32.
  package let x: Tensor
  /// The branch [R, D] and the gain minus 1 of its RMS norm [D]; nil where nothing is to be added.
  package let branch: (values: Tensor, gain: Tensor)?

  /// Collects both.
  package init(x: Tensor, branch: (values: Tensor, gain: Tensor)? = nil) {
    self.x = x
    self.branch = branch
  }
}

/// The weights of one block of Gemma 3's decoder. Matrices are [outputs, inputs]; gains are fp32 and stand for 1 + gain.
package struct DecoderBlockWeights {
  package let query: Tensor, key: Tensor, value: Tensor, output: Tensor
  package let gate: Tensor, up: Tensor, down: Tensor
  package let inputGain: Tensor, queryGain: Tensor, keyGain: Tensor, postAttentionGain: Tensor
  package let preFeedForwardGain: Tensor, postFeedForwardGain: Tensor
  /// The term under the root of every norm.
  package let epsilon: Float

  /// Collects the weights.
  package init(
    maps: (query: Tensor, key: Tensor, value: Tensor, output: Tensor, gate: Tensor, up: Tensor, down: Tensor),
    inputGain: Tensor, queryGain: Tensor, keyGain: Tensor, postAttentionGain: Tensor, preFeedForwardGain: Tensor,
    postFeedForwardGain: Tensor, epsilon: Float
  ) {
    (query, key, value, output, gate, up, down) = maps
    self.inputGain = inputGain
    self.queryGain = queryGain
    self.keyGain = keyGain
    self.postAttentionGain = postAttentionGain
    self.preFeedForwardGain = preFeedForwardGain
    self.postFeedForwardGain = postFeedForwardGain
    self.epsilon = epsilon
  }
}
