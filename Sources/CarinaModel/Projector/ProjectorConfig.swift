/// The sizes of the MLP between vision encoder and decoder: Linear, GELU (error function), Linear.
package struct ProjectorConfig: Equatable, Sendable {
  /// Width of the vision features, of the hidden layer, and of the decoder.
  package let inputSize: Int, hiddenSize: Int, outputSize: Int

  /// Collects the values.
  package init(inputSize: Int, hiddenSize: Int, outputSize: Int) {
    self.inputSize = inputSize
    self.hiddenSize = hiddenSize
    self.outputSize = outputSize
  }
}
