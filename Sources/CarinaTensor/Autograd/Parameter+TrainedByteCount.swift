extension Parameter {
  /// Bytes that one weight takes while it is trained: what products read, the rest of the fp32 original of a bfloat16
  /// one, the gradient, and the optimizer's two moments in fp32 (`EightBitMoments.byteCount` has those in 8 bits).
  /// - Parameter type: the weight's own type.
  package static func trainedByteCount(_ type: ElementType) -> Int {
    let value = type.byteCount, original = type == .bfloat16 ? 2 : 0, gradient = 4, moments = 8
    return value + original + gradient + moments
  }

  /// Bytes by which moments in 8 bits are smaller than those that `trainedByteCount` counts.
  /// - Parameter count: numbers of the weight.
  package static func byteCountSavedByEightBits(_ count: Int) -> Int { 8 * count - EightBitMoments.byteCount(count) }
}
