import CarinaTensor

/// Norms of a step's gradients before clipping: of all, and of each component.
package struct GradientNorms {
  /// A component's part.
  package struct Part: Equatable, Sendable {
    /// What the log calls the component.
    package let component: String
    /// Square root of the sum of squares of its gradients.
    package let norm: Double

    /// Names both.
    package init(component: String, norm: Double) {
      self.component = component
      self.norm = norm
    }
  }

  /// Square root of the sum of squares of all gradients, in double precision.
  package let whole: Double
  /// The components in the order in which they first come up; none where weights belong to none.
  package let parts: [Part]

  /// Norms that are known.
  package init(whole: Double, parts: [Part]) {
    self.whole = whole
    self.parts = parts
  }

  /// - Parameter component: to which component a weight belongs.
  init(_ trained: [Parameter], component: (Parameter) -> TrainingComponent?) {
    var sum = 0.0, sums: [(component: TrainingComponent, squares: Double)] = []
    for (parameter, squares) in zip(trained, Parameter.gradientSumsOfSquares(trained)) {
      sum += squares
      guard let component = component(parameter) else { continue }
      if let index = sums.firstIndex(where: { $0.component == component }) {
        sums[index].squares += squares
      } else {
        sums.append((component, squares))
      }
    }
    whole = sum.squareRoot()
    parts = sums.map { Part(component: $0.component.rawValue, norm: $0.squares.squareRoot()) }
  }
}
