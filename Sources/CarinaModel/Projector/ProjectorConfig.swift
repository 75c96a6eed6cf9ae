/// The sizes of what stands between vision encoder and decoder: an MLP of Linear, GELU (error function), Linear, or
/// Gemma 3's pooling, norm and matrix.
package struct ProjectorConfig: Equatable, Sendable {
  /// Width of the vision features, of the hidden layer (of the features again where there is none), and of the decoder.
  package let inputSize: Int, hiddenSize: Int, outputSize: Int
  /// Gemma 3's form; nil for the MLP.
  package let pooling: PatchPooling?

  /// The sizes of an MLP.
  package init(inputSize: Int, hiddenSize: Int, outputSize: Int) {
    self.inputSize = inputSize
    self.hiddenSize = hiddenSize
    self.outputSize = outputSize
    pooling = nil
  }

  /// The sizes of Gemma 3's form.
  package init(inputSize: Int, outputSize: Int, pooling: PatchPooling) {
    self.inputSize = inputSize
    hiddenSize = inputSize
    self.outputSize = outputSize
    self.pooling = pooling
  }

  /// Decoder rows that come of the features of one image.
  package func rowCount(features: Int) -> Int { pooling?.tokenCount ?? features }
}
