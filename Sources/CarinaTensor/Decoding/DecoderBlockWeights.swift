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
