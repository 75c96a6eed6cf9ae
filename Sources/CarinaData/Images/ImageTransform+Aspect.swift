import CImageCodecs
import CarinaRuntime

/// How an image that is not square meets the square that a model sees.
extension ImageTransform {
  /// Where an image of a size goes: the part of it that is taken, and the size and position of that part in the square.
  struct Placement: Equatable {
    /// Corner and sides of the part of the image, in its pixels.
    let sourceX: Int, sourceY: Int, sourceWidth: Int, sourceHeight: Int
    /// Corner and sides within the square.
    let x: Int, y: Int, width: Int, height: Int
  }

  /// The placement of an image. Odd remainders go to the right and to the bottom.
  func placement(width: Int, height: Int) -> Placement {
    switch aspect {
    case .squash:
      return Placement(
        sourceX: 0, sourceY: 0, sourceWidth: width, sourceHeight: height, x: 0, y: 0, width: size, height: size)
    case .pad:
      let longer = max(width, height)
      func scaled(_ side: Int) -> Int { max(1, (2 * side * size + longer) / (2 * longer)) }
      let (across, down) = (scaled(width), scaled(height))
      return Placement(
        sourceX: 0, sourceY: 0, sourceWidth: width, sourceHeight: height, x: (size - across) / 2, y: (size - down) / 2,
        width: across, height: down)
    case .crop:
      let side = min(width, height)
      return Placement(
        sourceX: (width - side) / 2, sourceY: (height - side) / 2, sourceWidth: side, sourceHeight: side, x: 0, y: 0,
        width: size, height: size)
    }
  }

  /// All pixels of an 8-bit file.
  /// - Throws: `CarinaError.badData` when they would take more memory than a decoder may.
  func whole(_ bytes: [UInt8], path: String) throws -> ImageDecoder.Image<UInt8> {
    let header = try ImageDecoder.header(of: bytes, fastSize: fastSize, path: path)
    guard header.width * header.height * header.channels <= Int(CARINA_IMAGE_MAX_BUFFER) else {
      throw CarinaError(
        .badData, "is too large to be padded or cropped", at: path,
        expected: "at most \(CARINA_IMAGE_MAX_BUFFER) bytes of pixels", found: "\(header.width) x \(header.height)")
    }
    return try ImageDecoder.decode8(bytes, fastSize: fastSize, path: path)
  }

  /// The square of an image: colour decided, the part taken, resized, and laid on black.
  func fitted(_ image: ImageDecoder.Image<UInt8>, path: String) throws -> ImagePixels {
    var (values, channels) = (image.values, image.channels)
    if channels == 3 && colour == .grey {
      values = PillowResampling.luma(values)
      channels = 1
    }
    let target = placement(width: image.width, height: image.height)
    if target.sourceWidth != image.width || target.sourceHeight != image.height {
      var part: [UInt8] = []
      part.reserveCapacity(target.sourceWidth * target.sourceHeight * channels)
      for row in target.sourceY..<target.sourceY + target.sourceHeight {
        let start = (row * image.width + target.sourceX) * channels
        part += values[start..<start + target.sourceWidth * channels]
      }
      values = part
    }
    let resized = try PillowResampling.resize(
      values, width: target.sourceWidth, height: target.sourceHeight, channels: channels, toWidth: target.width,
      height: target.height, filter: filter, order: order)
    guard target.width != size || target.height != size else {
      return ImagePixels(values: resized, size: size, channels: channels).collapsedIfGrey()
    }
    var square = [UInt8](repeating: 0, count: size * size * channels)
    let line = target.width * channels
    for row in 0..<target.height {
      let start = ((target.y + row) * size + target.x) * channels
      square.replaceSubrange(start..<start + line, with: resized[row * line..<(row + 1) * line])
    }
    return ImagePixels(values: square, size: size, channels: channels).collapsedIfGrey()
  }
}
