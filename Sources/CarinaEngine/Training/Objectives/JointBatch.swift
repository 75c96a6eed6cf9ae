import CarinaModel

/// Sequences of one micro-batch and the images they refer to.
package struct JointBatch {
  /// The sequences; image indices count the images.
  package let sequences: [ImageTextSequence]
  /// The images.
  package let images: VisionFeatures.Input
  /// Distinct images.
  package let imageCount: Int

  /// Collects a batch.
  package init(sequences: [ImageTextSequence], images: VisionFeatures.Input, imageCount: Int) {
    self.sequences = sequences
    self.images = images
    self.imageCount = imageCount
  }
}
