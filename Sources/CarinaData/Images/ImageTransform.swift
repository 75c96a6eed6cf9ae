import CarinaRuntime
import Foundation

/// The one way from an image file to a model's input; its settings and their digest travel with shards and checkpoints.
///
/// Decode, resize to a square as Pillow does (squashed, as SigLIP was trained, unless told otherwise), then in
/// single precision (value · rescale − mean) / standard deviation, in the order of Hugging Face's image processors.
public struct ImageTransform: Equatable, Sendable {
  /// What happens to colour.
  public enum Colour: String, CaseIterable, Sendable {
    /// Nothing: grey images give one channel, others three.
    case keep
    /// It becomes luma before the resize.
    case grey
  }

  /// What happens to an image that is not square.
  public enum Aspect: String, CaseIterable, Sendable {
    /// It is squashed into the square, as SigLIP was trained.
    case squash
    /// It is fitted into the square whole and lies in the middle of black.
    case pad
    /// Its largest square in the middle is taken.
    case crop
  }

  /// Pixels a side, 1...4096.
  public let size: Int
  /// The kernel of the resize.
  public let filter: ResizeFilter
  /// What happens to an image that is not square.
  package let aspect: Aspect
  /// What happens to colour.
  package let colour: Colour
  /// How more than 8 bits become 8; nil refuses such images.
  package let window: PixelPolicy?
  /// The order of the resize's passes.
  package let order: PassOrder
  /// Whether a JPEG much larger than `size` is decoded at an eighth, a quarter … of its size, by scaled inverse cosine
  /// transforms, before the resize. Faster, and other pixels by a grey level or so.
  package let fastDecode: Bool
  /// Which frame of a file with several is taken; nil refuses such files.
  package let frame: FrameChoice?
  /// The factor on 8-bit values.
  package let rescale: Double
  /// Subtracted after the rescale; three values, red, green, blue.
  package let mean: [Double]
  /// Divided by in the end; three values.
  package let standardDeviation: [Double]

  /// - Throws: `CarinaError.usage` for a size outside 1...4096, or means and standard deviations that are not three
  ///   finite numbers, the latter above zero.
  public init(
    size: Int, filter: ResizeFilter = .bicubic, aspect: Aspect = .squash, colour: Colour = .keep,
    window: PixelPolicy? = nil, order: PassOrder = .adaptive, fastDecode: Bool = false,
    frame: FrameChoice? = nil, rescale: Double = 1 / 255,
    mean: [Double] = [0.5, 0.5, 0.5],
    standardDeviation: [Double] = [0.5, 0.5, 0.5]
  ) throws {
    guard (1...4096).contains(size) else {
      throw CarinaError(.usage, "the image size is out of range", expected: "1 to 4096 pixels", found: "\(size)")
    }
    guard mean.count == 3, standardDeviation.count == 3, (mean + standardDeviation + [rescale]).allSatisfy(\.isFinite),
      standardDeviation.allSatisfy({ $0 > 0 })
    else {
      throw CarinaError(
        .usage, "the image mean and standard deviation are unusable",
        expected: "three numbers each, standard deviations above zero",
        found: "\(mean) and \(standardDeviation)")
    }
    self.size = size
    self.filter = filter
    self.aspect = aspect
    self.colour = colour
    self.window = window
    self.order = order
    self.fastDecode = fastDecode
    self.frame = frame
    self.rescale = rescale
    self.mean = mean
    self.standardDeviation = standardDeviation
  }

  /// The same transform with another policy for more than 8 bits.
  public func with(window: PixelPolicy?) throws -> ImageTransform {
    try ImageTransform(
      size: size, filter: filter, aspect: aspect, colour: colour, window: window, order: order, fastDecode: fastDecode,
      frame: frame, rescale: rescale, mean: mean, standardDeviation: standardDeviation)
  }

  /// Size, filter and normalisation of this transform, with the rest as given.
  /// - Throws: `CarinaError.usage`.
  public func with(
    aspect: Aspect, colour: Colour, window: PixelPolicy?, order: PassOrder, fastDecode: Bool, frame: FrameChoice?
  ) throws -> ImageTransform {
    try ImageTransform(
      size: size, filter: filter, aspect: aspect, colour: colour, window: window, order: order, fastDecode: fastDecode,
      frame: frame, rescale: rescale, mean: mean, standardDeviation: standardDeviation)
  }

  /// The same transform with another choice of frame.
  public func with(frame: FrameChoice?) throws -> ImageTransform {
    try ImageTransform(
      size: size, filter: filter, aspect: aspect, colour: colour, window: window, order: order, fastDecode: fastDecode,
      frame: frame, rescale: rescale, mean: mean, standardDeviation: standardDeviation)
  }

  /// The same transform with another kernel.
  package func with(filter: ResizeFilter) throws -> ImageTransform {
    try ImageTransform(
      size: size, filter: filter, aspect: aspect, colour: colour, window: window, order: order, fastDecode: fastDecode,
      frame: frame, rescale: rescale, mean: mean, standardDeviation: standardDeviation)
  }

  /// Both sides of a JPEG stay at this or more when it is decoded; 0 decodes all of it.
  var fastSize: Int { fastDecode ? size : 0 }

  /// The pixels of an image file at the model's size, as shards store them: one channel where all three are equal.
  /// - Throws: `CarinaError.missingInput` when there is no such file, `.badData` when it cannot be decoded or has more
  ///   than 8 bits and there is no window.
  public func pixels(ofFileAt path: String) throws -> ImagePixels {
    try pixels(of: try ImageDecoder.bytes(ofFileAt: path), path: path)
  }

  /// The same from an image file's bytes; `path` names it in errors.
  public func pixels(of bytes: [UInt8], path: String) throws -> ImagePixels {
    try remarkedPixels(of: bytes, path: path).pixels
  }

  /// The same, and what is odd about the file, in words.
  package func remarkedPixels(of bytes: [UInt8], path: String) throws -> (pixels: ImagePixels, remark: String?) {
    guard DicomFile.isDicom(bytes) else { return (try plainPixels(of: bytes, path: path), nil) }
    let file = try DicomFile(bytes, path: path, frame: frame)
    let grey = try file.grey(window, path: path)
    let image = ImageDecoder.Image(values: grey, width: file.width, height: file.height, channels: file.channels)
    return (try fitted(image, path: path), file.remark)
  }

  private func plainPixels(of bytes: [UInt8], path: String) throws -> ImagePixels {
    let header = try ImageDecoder.header(of: bytes, path: path)
    if header.depth == 8 {
      guard aspect == .squash else { return try fitted(try whole(bytes, path: path), path: path) }
      return try ImageDecoder.decodeResized(
        bytes, fastSize: fastSize, size: size, toGrey: colour == .grey, order: order, filter: filter, path: path
      ).collapsedIfGrey()
    }
    guard let window else {
      throw CarinaError(
        .badData, "has \(header.depth)-bit values, and how they become 8-bit is not decided", at: path,
        remedy: "Choose \(setting: .window) minmax, percentile:LOW,HIGH or full.")
    }
    let wide = try ImageDecoder.decode16(bytes, path: path)
    let values = try window.apply(to: wide.values, path: path)
    return try fitted(
      ImageDecoder.Image(values: values, width: wide.width, height: wide.height, channels: wide.channels), path: path)
  }

  /// A model's input: `[3, size, size]` in single precision, channel by channel.
  /// - Precondition: the pixels have this transform's size.
  public func normalized(_ pixels: ImagePixels) -> [Float] {
    precondition(pixels.size == size)
    let plane = size * size
    let tables = (0..<3).map(normalizationTable(channel:))
    return [Float](unsafeUninitializedCapacity: 3 * plane) { output, count in
      pixels.values.withUnsafeBufferPointer { values in
        for channel in 0..<3 {
          let (step, offset) = pixels.channels == 3 ? (3, channel) : (1, 0)
          tables[channel].withUnsafeBufferPointer { table in
            let target = output.baseAddress! + channel * plane
            for index in 0..<plane { target[index] = table[Int(values[index * step + offset])] }
          }
        }
      }
      count = 3 * plane
    }
  }

  /// What each of the 256 values becomes in a channel (0 red, 1 green, 2 blue): rescaled in double precision, rounded
  /// to single, then normalised in single precision, as Hugging Face's image processors do in numpy.
  package func normalizationTable(channel: Int) -> [Float] {
    let (mean, standardDeviation) = (Float(mean[channel]), Float(standardDeviation[channel]))
    return (0..<256).map { (Float(Double($0) * rescale) - mean) / standardDeviation }
  }
}
