import CarinaTensor

/// The pixels of several images as one tensor.
enum PixelBatch {
  /// [images, channels · size · size] fp32; with an epoch as training sees them then. Runs in the loader, so it keeps off the team of threads.
  static func read(
    _ images: [Int], from samples: any TrainingSamples, epoch: Int? = nil, on backend: any Backend
  ) throws -> Tensor {
    var rows: [[Float]] = []
    for image in images {
      rows.append(try epoch.map { try samples.pixels(image: image, epoch: $0) } ?? samples.pixels(image: image))
    }
    return tensor(rows, width: rows.first?.count ?? 0, on: backend)
  }

  /// [images, width] fp32 from the normalised pixels of each image.
  static func tensor(_ rows: [[Float]], width: Int, on backend: any Backend) -> Tensor {
    for row in rows { precondition(row.count == width, "images of \(width) and \(row.count) numbers in one batch") }
    return Tensor([rows.count, width], on: backend) { bytes in
      let byteCount = width * MemoryLayout<Float>.size
      for (index, row) in rows.enumerated() {
        let target = UnsafeMutableRawBufferPointer(rebasing: bytes[index * byteCount..<(index + 1) * byteCount])
        row.withUnsafeBytes { target.copyMemory(from: $0) }
      }
    }
  }
}
