import CarinaRuntime

/// Cuts images into the rows that the patch embedding multiplies: a stride-P convolution is a product on these.
///
/// - Parameters:
///   - images: B images of [channels, size, size] fp32, one after the other.
///   - patchSize: side P of a patch; `size` / P whole patches a side, a remainder is left out as the convolution does.
/// - Returns: [B · (size/P)², channels · P · P], patches row-major, a row in the order (channel, y, x) of the
///   convolution's kernel.
package func extractPatches(_ images: Tensor, count: Int, channels: Int, size: Int, patchSize: Int) -> Tensor {
  precondition(images.count == count * channels * size * size, "\(images.shape) is not \(count) images of \(size)²")
  let grid = size / patchSize
  let out = Tensor(uninitialized: [count * grid * grid, channels * patchSize * patchSize], on: images.backend)
  images.backend.extractPatches(images, count: count, channels: channels, size: size, patchSize: patchSize, into: out)
  return out
}

/// Patches of images.
package protocol PatchKernels {
  /// See `extractPatches`; `out` has its result's shape.
  func extractPatches(_ images: Tensor, count: Int, channels: Int, size: Int, patchSize: Int, into out: Tensor)
}

extension CPUBackend: PatchKernels {
  /// See `PatchKernels`.
  package func extractPatches(
    _ images: Tensor, count: Int, channels: Int, size: Int, patchSize: Int, into out: Tensor
  ) {
    let grid = size / patchSize, width = channels * patchSize * patchSize
    let source = images.floats, target = out.floats
    ThreadTeam.run(taskCount: count * grid) { task in
      let image = task / grid, patchRow = task % grid
      for patchColumn in 0..<grid {
        var cursor = target + ((image * grid + patchRow) * grid + patchColumn) * width
        for channel in 0..<channels {
          for y in 0..<patchSize {
            let row = patchRow * patchSize + y
            let line = ((image * channels + channel) * size + row) * size + patchColumn * patchSize
            cursor.update(from: source + line, count: patchSize)
            cursor += patchSize
          }
        }
      }
    }
  }
}
