import CarinaTensor

/// The pixels of several images as one tensor.
enum PixelBatch {
  /// Normalised pixels of images of one size, one array an image, to [images, channels · size · size] fp32.
  static func tensor(_ images: some Collection<[Float]>, on backend: any Backend) -> Tensor {
    let width = images.first?.count ?? 0
    for image in images {
      precondition(image.count == width, "images of \(width) and \(image.count) numbers in one batch")
    }
    return Tensor([images.count, width], on: backend) { bytes in
      let byteCount = width * MemoryLayout<Float>.size
      for (index, image) in images.enumerated() {
        let target = UnsafeMutableRawBufferPointer(rebasing: bytes[index * byteCount..<(index + 1) * byteCount])
        image.withUnsafeBytes { target.copyMemory(from: $0) }
      }
    }
  }

  /// Pixels of images as a tensor like that of `tensor`; with an epoch as training sees them then. Runs in the loader,
  /// so it keeps off the team of threads.
  /// - Throws: what reading a sample's pixels throws.
  static func read(
    _ images: [Int], from samples: any TrainingSamples, epoch: Int? = nil, on backend: any Backend
  ) throws -> Tensor {
    try tensor(
      images.map { image in
        try epoch.map { try samples.pixels(image: image, epoch: $0) } ?? samples.pixels(image: image)
      }, on: backend)
  }
}
