import CKernels

/// Widening of single rows of bfloat16 memory, which in a mapped file may lie at any even offset.
enum BFloat16Rows {
  static func widen(_ source: UnsafeRawPointer, into target: UnsafeMutablePointer<Float>, count: Int) {
    carina_from_bfloat16(source.assumingMemoryBound(to: UInt16.self), target, Int64(count))
  }
}
