import CImageCodecs
import CarinaRuntime

/// Resizing with antialiasing to exactly the bytes of Pillow's `resize((w, h), FILTER)`: a kernel that is stretched when
/// scaling down, weights in 22-bit fixed point.
package enum PillowResampling {
  /// Resizes interleaved 8-bit pixels.
  /// - Parameters:
  ///   - pixels: `width * height * channels` values.
  ///   - channels: 1 or 3.
  ///   - vectorized: false runs the slow twin, for comparison.
  /// - Returns: `targetWidth * targetHeight * channels` values.
  /// - Throws: `CarinaError.internalFailure` when there is no memory.
  package static func resize(
    _ pixels: [UInt8], width: Int, height: Int, channels: Int, toWidth targetWidth: Int, height targetHeight: Int,
    filter: ResizeFilter = .bicubic, order: PassOrder = .adaptive, vectorized: Bool = true
  ) throws -> [UInt8] {
    precondition(channels == 1 || channels == 3)
    precondition(min(width, height, targetWidth, targetHeight) > 0 && pixels.count == width * height * channels)
    let run = vectorized ? carina_resize : carina_resize_plain
    let count = targetWidth * targetHeight * channels
    return try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      let status = run(
        pixels, Int32(width), Int32(height), Int32(channels), buffer.baseAddress, Int32(targetWidth),
        Int32(targetHeight), order.code, filter.code)
      guard status == 0 else {
        throw CarinaError(.internalFailure, "no memory to resize an image of \(width) x \(height) pixels")
      }
      initialized = count
    }
  }

  /// The luma of interleaved RGB pixels, (19595 R + 38470 G + 7471 B + 32768) >> 16, as Pillow's `convert("L")`.
  package static func luma(_ rgb: [UInt8]) -> [UInt8] {
    let count = rgb.count / 3
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      carina_luma(rgb, Int64(count), buffer.baseAddress)
      initialized = count
    }
  }
}
