import CKernels

/// The sizes of moments that are kept in 8 bits, those of bitsandbytes.
package enum EightBitMoments {
  /// Numbers that share a scale.
  package static let blockSize = Int(CARINA_MOMENT_BLOCK)
  /// Moments of fewer numbers stay fp32.
  package static let smallestCount = 4096

  /// Whether the moments of a weight of so many numbers are kept in 8 bits where that is asked for.
  package static func holds(_ count: Int) -> Bool { count >= smallestCount }

  /// Scales of so many numbers.
  package static func scaleCount(_ count: Int) -> Int { (count + blockSize - 1) / blockSize }

  /// Bytes of both moments of a weight of so many numbers.
  package static func byteCount(_ count: Int) -> Int {
    holds(count) ? 2 * (count + 4 * scaleCount(count)) : 8 * count
  }
}
