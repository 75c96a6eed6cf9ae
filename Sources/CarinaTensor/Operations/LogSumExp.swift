/// The logarithm of the sum of exponentials of each row of logits [R, V], off the tape.
package func logSumExp(_ logits: Tensor) -> [Float] {
  let losses = Tensor(uninitialized: [logits.rows], on: logits.backend)
  // Negative log likelihoods of token 0, from a scale of zero, which leaves the logits alone.
  logits.backend.crossEntropy(
    logits, targets: [Int32](repeating: 0, count: logits.rows)[...], scale: 0, losses: losses)
  let firsts = Tensor(uninitialized: [logits.rows, 1], on: logits.backend)
  let columns = Tensor(shape: [logits.rows * logits.width, 1], storage: logits.storage, byteOffset: logits.byteOffset)
  logits.backend.copyRows(
    of: columns, (0..<logits.rows).map { $0 * logits.width }, to: firsts, Array(0..<logits.rows))
  return zip(losses.values, firsts.values).map { $0 + $1 }
}
