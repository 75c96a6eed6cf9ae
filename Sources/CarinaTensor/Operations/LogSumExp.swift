import CKernels

/// The logarithm of the sum of exponentials of each row of logits [R, V], off the tape.
package func logSumExp(_ logits: Tensor) -> [Float] {
  let rows = logits.rows, width = logits.width
  let losses = Tensor(uninitialized: [rows])
  let targets = [Int32](repeating: 0, count: rows)
  RowSplit.run(rows, grain: RowSplit.grain(width: width)) { range in
    targets.withUnsafeBufferPointer { targets in
      // With a scale of zero the kernel leaves the logits alone and writes log-sum-exp minus the target's logit.
      carina_cross_entropy(
        logits.floats + range.lowerBound * width, targets.baseAddress! + range.lowerBound,
        losses.floats + range.lowerBound, Int64(range.count), Int64(width), 0)
    }
  }
  return (0..<rows).map { losses.floats[$0] + logits.floats[$0 * width] }
}
