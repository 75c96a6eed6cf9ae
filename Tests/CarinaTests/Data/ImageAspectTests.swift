import Carina
import Foundation
import TestSupport
import Testing

@Suite struct ImageAspectTests {
  let goldens: ImageGoldens

  init() throws { goldens = try ImageGoldens() }

  /// The square that the definition gives, from the decoder and the resize alone.
  private func expected<Value>(
    _ image: ImageDecoder.Image<Value>, _ values: [UInt8], _ aspect: ImageTransform.Aspect, _ size: Int
  ) throws -> [UInt8] {
    let (width, height, channels) = (image.width, image.height, image.channels)
    if aspect == .crop {
      let side = min(width, height)
      let (left, top) = ((width - side) / 2, (height - side) / 2)
      let part = (0..<side * side * channels).map { index -> UInt8 in
        let (pixel, channel) = (index / channels, index % channels)
        return values[((top + pixel / side) * width + left + pixel % side) * channels + channel]
      }
      return try PillowResampling.resize(
        part, width: side, height: side, channels: channels, toWidth: size, height: size)
    }
    let scale = Double(size) / Double(max(width, height))
    let across = Int((Double(width) * scale).rounded()), down = Int((Double(height) * scale).rounded())
    let small = try PillowResampling.resize(
      values, width: width, height: height, channels: channels, toWidth: across, height: down)
    let (left, top) = ((size - across) / 2, (size - down) / 2)
    return (0..<size * size * channels).map { index in
      let (pixel, channel) = (index / channels, index % channels)
      let (x, y) = (pixel % size - left, pixel / size - top)
      return (0..<across).contains(x) && (0..<down).contains(y) ? small[(y * across + x) * channels + channel] : 0
    }
  }

  @Test("pad keeps the whole image in the middle of black, crop takes the square in the middle")
  func squares() throws {
    var oblong = 0
    for name in ["grey8.png", "rgb8.png", "grey.jpg", "colour-420.jpg", "cmyk.jpg", "palette8.png"] {
      let image = try ImageDecoder.decode8(try goldens.bytes(name), path: name)
      if image.width != image.height { oblong += 1 }
      for aspect in [ImageTransform.Aspect.pad, .crop] {
        let transform = try ImageTransform(size: 24, aspect: aspect)
        let pixels = try transform.pixels(of: try goldens.bytes(name), path: name)
        let wanted = ImagePixels(
          values: try expected(image, image.values, aspect, 24), size: 24, channels: image.channels)
        #expect(pixels.expanded() == wanted.expanded(), "\(name) \(aspect)")
        let squashed = try ImageTransform(size: 24).pixels(of: try goldens.bytes(name), path: name)
        #expect((pixels == squashed) == (image.width == image.height), "\(name) \(aspect)")
      }
    }
    #expect(oblong > 0)
  }

  @Test("more than 8 bits and colour turned grey go the same way")
  func deepAndGrey() throws {
    let deep = try goldens.bytes("grey16.png")
    let wide = try ImageDecoder.decode16(deep, path: "grey16.png")
    let narrow = try PixelPolicy.minmax.apply(to: wide.values, path: "")
    for aspect in [ImageTransform.Aspect.pad, .crop] {
      let transform = try ImageTransform(size: 16, aspect: aspect, window: .minmax)
      #expect(try transform.pixels(of: deep, path: "").values == expected(wide, narrow, aspect, 16))
      let grey = try ImageTransform(size: 16, aspect: aspect, colour: .grey)
      #expect(try grey.pixels(of: try goldens.bytes("rgb8.png"), path: "").channels == 1)
    }
  }

  @Test("the default transform keeps the name under which shards lie on disk")
  func name() throws {
    let settings = try ImageTransform(size: 384).settings
    #expect(settings["aspect"]?.string == "squash")
    #expect(try ImageTransform(size: 384).id == "25b5481d1bee9cf6")
  }
}
