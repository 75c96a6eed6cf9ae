import CarinaTensor

/// The pixels of several images as one tensor.
enum PixelBatch {
  /// [images, channels · size · size] fp32; with an epoch as training sees them then. Runs in the loader, so it keeps off the team of threads.
  static func read(_ images: [Int], from samples: any TrainingSamples, epoch: Int? = nil) throws -> Tensor {
    var rows: [[Float]] = []
    for image in images {
      rows.append(try epoch.map { try samples.pixels(image: image, epoch: $0) } ?? samples.pixels(image: image))
    }
    let width = rows.first?.count ?? 0
    let tensor = Tensor(uninitialized: [rows.count, width])
    for (index, row) in rows.enumerated() {
      precondition(row.count == width, "images of \(width) and \(row.count) numbers in one batch")
      row.withUnsafeBufferPointer { source in
        guard let base = source.baseAddress else { return }
        (tensor.floats + index * width).update(from: base, count: width)
      }
    }
    return tensor
  }
}
