/// Looks at every value and gradient that passes over a tape, for the first that is not finite.
///
/// It reads all numbers once more, so it is for the second look at a step that went wrong.
package final class FiniteWatch {
  /// The operation that made the first such number, and whether that was a gradient; nil while all were finite.
  package private(set) var first: String?

  /// One that has seen nothing.
  package init() {}

  func note(_ tensor: Tensor, of operation: String, isGradient: Bool) {
    guard first == nil, !tensor.detached.converted(to: .float32).isFinite else { return }
    first = isGradient ? "the gradient that reached \(operation)" : "the result of \(operation)"
  }
}
