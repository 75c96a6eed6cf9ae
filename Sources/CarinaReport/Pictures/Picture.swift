import CarinaData
import Foundation

/// Pixels to draw on, row by row, grey or in colour.
struct Picture {
  let width, height: Int
  /// 1 grey, 3 red, green, blue.
  let channels: Int
  private(set) var values: [UInt8]

  /// A picture of one grey level.
  init(width: Int, height: Int, channels: Int, value: UInt8) {
    (self.width, self.height, self.channels) = (width, height, channels)
    values = [UInt8](repeating: value, count: width * height * channels)
  }

  /// Sets a pixel to a grey level; outside the picture nothing.
  mutating func set(_ x: Int, _ y: Int, _ value: UInt8) {
    guard (0..<width).contains(x), (0..<height).contains(y) else { return }
    for channel in 0..<channels { values[(y * width + x) * channels + channel] = value }
  }

  /// Lays an image into the picture, which has to be in colour where the image is.
  mutating func lay(_ image: ImagePixels, x: Int, y: Int) {
    precondition(image.channels <= channels && x >= 0 && y >= 0 && x + image.size <= width && y + image.size <= height)
    for row in 0..<image.size {
      for column in 0..<image.size {
        for channel in 0..<channels {
          let source = (row * image.size + column) * image.channels + min(channel, image.channels - 1)
          values[((y + row) * width + x + column) * channels + channel] = image.values[source]
        }
      }
    }
  }

  /// The picture as a PNG file.
  /// - Throws: `CarinaError.internalFailure` when it cannot be encoded.
  func png() throws -> Data { try PNGEncoder.encode(values, width: width, height: height, channels: channels) }
}
