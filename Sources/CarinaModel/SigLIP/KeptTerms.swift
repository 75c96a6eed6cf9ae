import CarinaTensor

/// What the MLPs of a tower's blocks added to one piece of a batch, kept from the pass that nothing recorded for the one
/// that is recorded: their last product, a third of a block's, is not computed again.
package final class KeptTerms {
  private var terms: [Tensor] = []
  private var isComplete = false

  /// None yet.
  package init() {}

  /// The term of the next block, which is not kept any longer; nil in the pass that keeps them.
  func next() -> Tensor? { isComplete ? terms.popLast() : nil }

  /// Keeps the term of the next block.
  func keep(_ term: Tensor) {
    if !isComplete { terms.append(term.detached) }
  }

  /// Ends the pass that keeps them.
  package func complete() {
    terms.reverse()
    isComplete = true
  }
}
