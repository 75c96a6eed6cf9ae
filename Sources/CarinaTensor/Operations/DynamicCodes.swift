import CKernels
import Foundation

/// The numbers that 256 codes of the dynamic 8-bit type mean, and the way back to the nearest code.
///
/// Each of seven powers of ten has twice as many numbers, evenly spread, as the next smaller one, so that a block's small
/// numbers keep a few digits beside its largest (Dettmers 2016; bitsandbytes' `create_dynamic_map`, whose digits these
/// are).
package struct DynamicCodes: Sendable {
  /// For numbers of both signs, from −1 (nearly) to 1.
  package static let signed = DynamicCodes(isSigned: true)
  /// For numbers from 0 to 1.
  package static let unsigned = DynamicCodes(isSigned: false)

  /// What each code means, ascending.
  package let values: [Float]
  /// See `carina_coded_moment`.
  package let bounds: [Float], starts: [Int32]

  private init(isSigned: Bool) {
    let values = DynamicCodes.values(isSigned: isSigned)
    self.values = values
    let bounds = zip(values, values.dropFirst()).map { ($0 + $1) / 2 } + [.infinity]
    self.bounds = bounds
    starts = (0..<1 << 16).map { upper in
      // Of negative numbers the least has all lower bits.
      let least = Float(bitPattern: upper < 1 << 15 ? UInt32(upper) << 16 : UInt32(upper) << 16 | 0xffff)
      guard !least.isNaN else { return 0 }
      var range = (lower: 0, upper: 255)
      while range.lower < range.upper {
        let middle = (range.lower + range.upper) / 2
        if least > bounds[middle] { range.lower = middle + 1 } else { range.upper = middle }
      }
      return Int32(range.lower)
    }
  }

  private static func values(isSigned: Bool) -> [Float] {
    var values: [Float] = [0, 1]
    for power in 0..<7 {
      let count = 1 << (isSigned ? power : power + 1), step = (Float(1) - 0.1) / Float(count)
      // Ends of the numbers' intervals, counted from the nearer end of all.
      let ends = (0...count).map { index in
        2 * index < count + 1 ? 0.1 + step * Float(index) : 1 - step * Float(count - index)
      }
      let scale = Float(pow(10, Double(power - 6)))
      let means = zip(ends, ends.dropFirst()).map { ($0 + $1) / 2 * scale }
      values += isSigned ? means + means.map { -$0 } : means
    }
    return values.sorted()
  }

  /// The code whose value is nearest to `x`, the lower of two.
  package func code(of x: Float) -> UInt8 {
    let code = Int(starts[Int(x.bitPattern >> 16)])
    return UInt8(code + (x > bounds[code] ? 1 : 0))
  }

  /// Lends a moment of these codes to the processor's kernels; `skip` numbers, whole blocks, are left out in front.
  func withMoment<Result>(
    _ codes: Tensor, scales: Tensor, skipping skip: Int, _ body: (carina_coded_moment) -> Result
  ) -> Result {
    values.withUnsafeBufferPointer { values in
      bounds.withUnsafeBufferPointer { bounds in
        starts.withUnsafeBufferPointer { starts in
          body(
            carina_coded_moment(
              codes: codes.codes + skip, scales: scales.floats + skip / EightBitMoments.blockSize,
              values: values.baseAddress, bounds: bounds.baseAddress, starts: starts.baseAddress))
        }
      }
    }
  }
}
