import CarinaRuntime
import Foundation

/// Small random changes of a radiograph while training: shift, scale, contrast, elastic deformation. There is no
/// mirroring, as side matters: a mirrored heart is another diagnosis.
///
/// All draws come from streams named by kind, epoch and image, so an image is changed in the same way whatever batch it
/// is in and however often a run was stopped, and turning one kind on changes nothing about another.
public struct ImageAugmentation: Equatable, Sendable, CustomStringConvertible {
  /// Largest shift along each axis, as a part of the side: 0 to 0.25.
  package let shift: Double
  /// Largest change of size: a scale of up to 1 + this, or down to 1 over it; 0 to 0.5.
  package let scale: Double
  /// Largest change of contrast about the image's mean: a factor of 1 ± this; 0 to 0.9.
  package let contrast: Double
  /// Largest displacement of a smooth field (Simard, Steinkraus and Platt 2003; here over cubic B-splines, whose values
  /// stay within those of their knots), as a part of the side: 0 to 0.05, at which nothing can fold over.
  package let elastic: Double

  private static let kinds: [(name: String, most: Double)] = [
    ("shift", 0.25), ("scale", 0.5), ("contrast", 0.9), ("elastic", 0.05),
  ]
  // Knots from one edge of the image to the other, and one more beyond each.
  private static let spans = 4

  /// Reads `KIND:AMOUNT,…`, for example `shift:0.05,scale:0.1,contrast:0.2,elastic:0.02`. `none` changes nothing.
  /// - Throws: `CarinaError.usage` for another kind, one named twice, or an amount out of range.
  public init(text: String) throws {
    var amounts: [String: Double] = [:]
    for part in text == "none" ? [] : text.split(separator: ",", omittingEmptySubsequences: false) {
      let pair = part.split(separator: ":", omittingEmptySubsequences: false)
      guard pair.count == 2, let kind = Self.kinds.first(where: { $0.name == pair[0] }), amounts[kind.name] == nil,
        let amount = Double(pair[1]), (0...kind.most).contains(amount)
      else {
        let choices = Self.kinds.map { "\($0.name):0…\($0.most)" }.joined(separator: ", ")
        throw CarinaError(
          .usage, "\(setting: .augment) cannot be used", expected: "KIND:AMOUNT,… of \(choices); or none",
          found: String(part),
          remedy: pair.first?.contains("flip") == true ? "There is no flip: side matters in a radiograph." : nil)
      }
      amounts[kind.name] = amount
    }
    (shift, scale) = (amounts["shift"] ?? 0, amounts["scale"] ?? 0)
    (contrast, elastic) = (amounts["contrast"] ?? 0, amounts["elastic"] ?? 0)
  }

  private init() { (shift, scale, contrast, elastic) = (0, 0, 0, 0) }

  /// Nothing is changed.
  public static let none = ImageAugmentation()

  /// Whether nothing is changed.
  public var isOff: Bool { shift == 0 && scale == 0 && contrast == 0 && elastic == 0 }

  /// As it is read.
  public var description: String {
    let amounts = [shift, scale, contrast, elastic]
    let parts = zip(Self.kinds, amounts).filter { $1 != 0 }.map { "\($0.name):\($1)" }
    return parts.isEmpty ? "none" : parts.joined(separator: ",")
  }

  /// An image changed as it is in one epoch of one run. What comes from outside the image is black.
  /// - Parameters:
  ///   - image: its number.
  ///   - epoch: from 0.
  package func applied(to pixels: ImagePixels, image: Int, epoch: Int, seed: UInt64) -> ImagePixels {
    func stream(_ kind: String) -> SeededGenerator {
      SeededGenerator(seed: seed, stream: "augment.\(kind).\(epoch).\(image)")
    }
    var result = pixels
    if shift != 0 || scale != 0 || elastic != 0 {
      var (shifts, scales, field) = (stream("shift"), stream("scale"), stream("elastic"))
      let offset = (x: shift * shifts.uniform(in: -1..<1), y: shift * shifts.uniform(in: -1..<1))
      let factor = exp(log(1 + scale) * scales.uniform(in: -1..<1))
      let knots = (Self.spans + 3) * (Self.spans + 3)
      let moves = (0..<2 * knots).map { _ in Float(elastic * field.uniform(in: -1..<1)) }
      result = ImageAugmentation.resampled(
        result, offset: offset, factor: factor, horizontal: Array(moves[..<knots]), vertical: Array(moves[knots...]))
    }
    if contrast != 0 {
      var generator = stream("contrast")
      result = ImageAugmentation.contrasted(result, by: 1 + contrast * generator.uniform(in: -1..<1))
    }
    return result
  }

  private static func contrasted(_ pixels: ImagePixels, by factor: Double) -> ImagePixels {
    let mean = Double(pixels.values.reduce(0) { $0 + Int($1) }) / Double(pixels.values.count)
    let table = (0..<256).map { UInt8(min(255, max(0, (mean + (Double($0) - mean) * factor).rounded()))) }
    return ImagePixels(values: pixels.values.map { table[Int($0)] }, size: pixels.size, channels: pixels.channels)
  }

  /// Bilinear sampling at displaced positions.
  private static func resampled(
    _ pixels: ImagePixels, offset: (x: Double, y: Double), factor: Double, horizontal: [Float], vertical: [Float]
  ) -> ImagePixels {
    let (size, channels, knots) = (pixels.size, pixels.channels, spans + 3)
    let side = Float(size)
    let splines = (0..<size).map { CubicSpline((Float($0) + 0.5) / side * Float(spans)) }
    let (middle, inverse) = (side / 2, Float(1 / factor))
    let (shiftX, shiftY) = (Float(offset.x) * side, Float(offset.y) * side)
    let values = [UInt8](unsafeUninitializedCapacity: pixels.values.count) { output, count in
      pixels.values.withUnsafeBufferPointer { input in
        var (rowX, rowY) = ([Float](repeating: 0, count: knots), [Float](repeating: 0, count: knots))
        for y in 0..<size {
          for column in 0..<knots {
            rowX[column] = splines[y].value(horizontal, start: column, step: knots)
            rowY[column] = splines[y].value(vertical, start: column, step: knots)
          }
          let baseY = (Float(y) + 0.5 - middle) * inverse + middle - shiftY - 0.5
          for x in 0..<size {
            let sourceX =
              (Float(x) + 0.5 - middle) * inverse + middle - shiftX - 0.5 + side
              * splines[x].value(rowX, start: 0, step: 1)
            let sourceY = baseY + side * splines[x].value(rowY, start: 0, step: 1)
            let (left, top) = (sourceX.rounded(.down), sourceY.rounded(.down))
            let (partX, partY) = (sourceX - left, sourceY - top)
            for channel in 0..<channels {
              func at(_ column: Int, _ row: Int) -> Float {
                guard column >= 0, row >= 0, column < size, row < size else { return 0 }
                return Float(input[(row * size + column) * channels + channel])
              }
              let (column, row) = (Int(left), Int(top))
              let upper = at(column, row) * (1 - partX) + at(column + 1, row) * partX
              let lower = at(column, row + 1) * (1 - partX) + at(column + 1, row + 1) * partX
              output[(y * size + x) * channels + channel] = UInt8(
                min(255, max(0, (upper * (1 - partY) + lower * partY).rounded())))
            }
          }
        }
      }
      count = pixels.values.count
    }
    return ImagePixels(values: values, size: size, channels: channels)
  }
}

/// The four weights of a uniform cubic B-spline at a position, which add up to 1 and are nowhere negative.
private struct CubicSpline {
  let first: Int
  let weights: (Float, Float, Float, Float)

  /// - Parameter position: in spans between knots, from 0.
  init(_ position: Float) {
    first = Int(position)
    let t = position - Float(first)
    let (square, cube) = (t * t, t * t * t)
    weights = (
      (1 - 3 * t + 3 * square - cube) / 6, (4 - 6 * square + 3 * cube) / 6, (1 + 3 * t + 3 * square - 3 * cube) / 6,
      cube / 6
    )
  }

  @inline(__always)
  func value(_ knots: [Float], start: Int, step: Int) -> Float {
    let index = start + first * step
    return weights.0 * knots[index] + weights.1 * knots[index + step] + weights.2 * knots[index + 2 * step]
      + weights.3 * knots[index + 3 * step]
  }
}
