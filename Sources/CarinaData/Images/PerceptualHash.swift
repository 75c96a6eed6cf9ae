/// A 64-bit digest of what an image looks like: pictures that differ a little differ in few bits.
///
/// The difference hash (Krawetz 2013): the image as luma shrunk to 9 by 8 pixels, and for each of its 8 rows whether
/// each pixel is darker than its right neighbour.
package struct PerceptualHash: Hashable, Sendable {
  /// The bits, the upper left pair first.
  package let bits: UInt64

  /// The hash of an image.
  /// - Throws: `CarinaError.internalFailure` when there is no memory.
  package init(_ pixels: ImagePixels) throws {
    let grey = pixels.channels == 3 ? PillowResampling.luma(pixels.values) : pixels.values
    let small = try PillowResampling.resize(
      grey, width: pixels.size, height: pixels.size, channels: 1, toWidth: 9, height: 8)
    var bits: UInt64 = 0
    for row in 0..<8 {
      for column in 0..<8 {
        bits = bits << 1 | (small[row * 9 + column] < small[row * 9 + column + 1] ? 1 : 0)
      }
    }
    self.bits = bits
  }

  /// In how many bits two hashes differ, 0...64.
  package func distance(to other: PerceptualHash) -> Int { (bits ^ other.bits).nonzeroBitCount }
}
