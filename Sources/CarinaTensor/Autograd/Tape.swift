/// The record of one forward pass, played backwards to get gradients (reverse-mode differentiation, coarse: one entry
/// an operation, as PyTorch's autograd functions).
///
/// What needs no gradient leaves nothing here: an operation is recorded only when an argument has a node or a parameter
/// is trainable.
public final class Tape {
  private var nodes: [GradientNode] = []
  /// What looks at all values; nil where nobody does.
  let finiteWatch: FiniteWatch?

  /// An empty tape.
  /// - Parameter finiteWatch: told every recorded value and gradient.
  package init(finiteWatch: FiniteWatch? = nil) { self.finiteWatch = finiteWatch }

  /// Makes an argument of the recorded pass whose gradient can be read afterwards.
  package func watch(_ tensor: Tensor) -> Tensor {
    var result = tensor.detached
    result.node = GradientNode(backward: nil)
    return result
  }

  /// Puts `result` on the tape; `backward` gets its gradient and hands parts on to the arguments.
  /// - Parameters:
  ///   - parameter: the weight that the operation applies, for `FiniteWatch`.
  ///   - operation: the function that records.
  ///   - isEnd: whether `backward` counts on a gradient of 1: the result must be where the tape ends.
  func record(
    _ result: Tensor, parameter: Parameter? = nil, operation: StaticString = #function, isEnd: Bool = false,
    backward: @escaping (Tensor) -> Void
  ) -> Tensor {
    let node = GradientNode(backward: backward)
    node.mustBeSeededByOnes = isEnd
    if let finiteWatch {
      let name = "\(operation)".prefix { $0 != "(" } + (parameter.map { " with \($0.name)" } ?? "")
      node.operation = String(name)
      finiteWatch.note(result, of: String(name), isGradient: false)
    }
    nodes.append(node)
    var recorded = result
    recorded.node = node
    return recorded
  }

  /// Walks the tape from the end, starting with gradient `seed` (1 for a scalar) at `result`, and empties it.
  ///
  /// Afterwards trainable parameters hold their gradients, added to what they had, and watched tensors theirs.
  package func backward(from result: Tensor, seed: Tensor? = nil) {
    guard let node = result.node else { return }
    node.isSeededByOnes = seed == nil
    let ones = seed == nil ? [Float](repeating: 1, count: result.count) : []
    node.accumulate(seed ?? Tensor(ones, shape: result.shape, on: result.backend), isFresh: false)
    while let node = nodes.popLast() {
      // Dropping the closure gives the saved activations back to the pool as the walk goes on.
      if let gradient = node.takeGradient() {
        if let finiteWatch, let operation = node.operation {
          finiteWatch.note(gradient, of: operation, isGradient: true)
        }
        precondition(!node.mustBeSeededByOnes || node.isSeededByOnes, "a loss must be the end of the tape")
        node.backward?(gradient)
      }
      node.backward = nil
    }
  }

  /// The same from a loss, which need not be read for it.
  package func backward(from result: CrossEntropyResult) { backward(from: result.losses) }

  /// The gradient that reached a watched tensor; nil when none did.
  package func gradient(of watched: Tensor) -> Tensor? { watched.node?.gradient }
}
