import CarinaTensor

/// Images of one contrastive step, and which of the step's texts describe which.
package struct ContrastiveBatch {
  /// [images, channels, size, size], normalised.
  package let pixels: Tensor
  /// Images, and texts as ids of the tower's length.
  package let imageCount: Int, texts: [[Int]]
  /// Row-major [images · texts].
  package let isPositive: [Bool]

  /// Collects a batch.
  package init(pixels: Tensor, imageCount: Int, texts: [[Int]], isPositive: [Bool]) {
    self.pixels = pixels
    self.imageCount = imageCount
    self.texts = texts
    self.isPositive = isPositive
  }
}
