/// How a projector makes fewer rows of an image's patches: averages of square blocks of the grid, before Gemma 3's RMS
/// norm or before an MLP.
package struct PatchPooling: Equatable, Sendable {
  /// Patches along a side of an image, and rows along a side that become of them; the second divides the first.
  package let gridSize: Int, tokensPerSide: Int
  /// ε of the norm in Gemma 3's form, which is that of the vision tower.
  package let epsilon: Float

  /// Patches and rows of an image.
  package var patchCount: Int { gridSize * gridSize }
  /// Rows of an image (`mm_tokens_per_image`).
  package var tokenCount: Int { tokensPerSide * tokensPerSide }
  /// Patches along a side of a block.
  package var factor: Int { gridSize / tokensPerSide }

  /// Collects the values.
  package init(gridSize: Int, tokensPerSide: Int, epsilon: Float = 1e-6) {
    precondition(tokensPerSide > 0 && gridSize % tokensPerSide == 0, "\(gridSize) patches over \(tokensPerSide) rows")
    self.gridSize = gridSize
    self.tokensPerSide = tokensPerSide
    self.epsilon = epsilon
  }
}
