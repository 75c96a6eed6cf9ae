import CKernels

/// How the left factor of a product of bytes is rounded: each row has a step and a zero of its own for every so many of
/// its numbers.
package struct ByteRounding: Equatable, Sendable {
  /// Numbers that share a step, in a product with rows of weights and in one that goes back to the input: multiples of
  /// 4.
  package let forward: Int, backward: Int
  /// Whether a few numbers that are far larger than the others of a row take more than a byte, where the row has one step.
  package let widensLarge: Bool

  /// A rounding with groups of so many numbers; nil for whole rows.
  package init(forward: Int?, backward: Int?, widensLarge: Bool = true) {
    self.widensLarge = widensLarge
    let most = Int(CARINA_MOST_BYTE_GROUP)
    self.forward = min(forward ?? most, most)
    self.backward = min(backward ?? most, most)
    precondition(
      self.forward > 0 && self.forward % 4 == 0 && self.backward > 0 && self.backward % 4 == 0, "groups of \(self)")
  }

  /// The number of the way in which rows of weights, activations and gradients are rounded for products of bytes. Whoever
  /// changes a digit of it raises the number: runs, evaluations and kept features of another are not gone on with. 1 had
  /// one byte a number and no factors of columns, 2 another approximation of the GELU that comes before the rounding, 3
  /// other exponentials in the attention of an encoder in bytes, and gates of numbers that were rounded to bfloat16 once
  /// more.
  package static let version = 4

  /// What the programs use.
  package static let standard = ByteRounding(forward: nil, backward: nil)
}
