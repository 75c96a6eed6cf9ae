import CarinaRuntime

/// The sizes of what stands between vision encoder and decoder: an MLP of Linear, GELU (error function), Linear, with or
/// without pooling before it, or Gemma 3's pooling, norm and matrix.
package struct ProjectorConfig: Equatable, Sendable {
  /// Width of the vision features, of the hidden layer (of the features again where there is none), and of the decoder.
  package let inputSize: Int, hiddenSize: Int, outputSize: Int
  /// How the patches of an image become fewer rows before anything else; nil where each patch is a row.
  package let pooling: PatchPooling?
  /// What it is made of. An MLP whose hidden width is the decoder's is the form `mlp2x`, whatever it was made as.
  package let form: ProjectorForm

  /// The sizes of an MLP.
  package init(inputSize: Int, hiddenSize: Int, outputSize: Int, pooling: PatchPooling? = nil) {
    self.inputSize = inputSize
    self.hiddenSize = hiddenSize
    self.outputSize = outputSize
    self.pooling = pooling
    form = hiddenSize == outputSize ? .mlp2x : .mlp
  }

  /// The sizes of Gemma 3's form.
  package init(inputSize: Int, outputSize: Int, pooling: PatchPooling) {
    self.inputSize = inputSize
    hiddenSize = inputSize
    self.outputSize = outputSize
    self.pooling = pooling
    form = .gemma3
  }

  /// Decoder rows that come of the features of one image.
  package func rowCount(features: Int) -> Int { pooling?.tokenCount ?? features }

  /// Refuses a vision encoder whose patches are not the grid that the projector averages.
  /// - Throws: `CarinaError.badData`.
  package func requireGrid(of vision: VisionConfig, dropsFirstPatch: Bool) throws {
    guard let pooling, pooling.gridSize != vision.grid || dropsFirstPatch else { return }
    throw CarinaError(
      .badData, "the projector pools the whole grid of patches, which the vision encoder does not give",
      expected: "\(pooling.gridSize) patches along a side",
      found: "\(vision.grid)" + (dropsFirstPatch ? ", the first left out" : ""),
      remedy: "Use the projector that belongs to this encoder, with all patches.")
  }

  /// Form and sizes in a few words, for the header of a run: `mlp, 96 → 384 → 96`.
  package var summary: String {
    let widths = form == .gemma3 ? [inputSize, outputSize] : [inputSize, hiddenSize, outputSize]
    let rows = pooling.map { ", \($0.patchCount) patches averaged to \($0.tokenCount) rows" } ?? ""
    return "\(form.rawValue), \(widths.map(String.init).joined(separator: " → "))\(rows)"
  }
}
