import CarinaTensor

/// The pixels of several images as one tensor.
enum PixelBatch {
  /// Normalised pixels of images of one size, one array an image, to [images, channels · size · size] fp32.
  static func tensor(_ images: some Sequence<[Float]>) -> Tensor {
    var values: [Float] = [], count = 0, width = 0
    for image in images {
      if count == 0 { width = image.count }
      precondition(image.count == width, "images of \(width) and \(image.count) numbers in one batch")
      values += image
      count += 1
    }
    return Tensor(values, shape: [count, width])
  }

  /// Pixels of images as a tensor like that of `tensor`; with an epoch as training sees them then. Runs in the loader, so
  /// it keeps off the team of threads.
  /// - Throws: what reading a sample's pixels throws.
  static func read(_ images: [Int], from samples: any TrainingSamples, epoch: Int? = nil) throws -> Tensor {
    try tensor(
      images.map { image in
        try epoch.map { try samples.pixels(image: image, epoch: $0) } ?? samples.pixels(image: image)
      })
  }
}
