/// The most probable tokens.
package protocol RankingKernels {
  /// The index of the largest number of each row of logits [R, V] fp32, of equal ones the first; −1 where the largest is
  /// infinite or there is no number. Numbers that are none are passed over.
  func argmaxRows(_ logits: Tensor) -> [Int32]
}

extension RankingKernels {
  /// By way of the host.
  package func argmaxRows(_ logits: Tensor) -> [Int32] {
    let width = logits.width
    return logits.withHostFloats { numbers in
      (0..<logits.rows).map { row in
        let values = UnsafeBufferPointer(rebasing: numbers[row * width..<(row + 1) * width])
        let maximum = TokenRanking.maximum(values)
        return maximum.isFinite ? Int32(values.firstIndex { $0 == maximum } ?? 0) : -1
      }
    }
  }
}
