/// Where the gradient of one tensor of a forward pass is collected until the tape asks for it.
package final class GradientNode {
  private(set) var gradient: Tensor?
  private var ownsGradient = false
  var backward: ((Tensor) -> Void)?
  /// What made the tensor, where a `FiniteWatch` looks on.
  var operation: String?

  /// Whether the tape begins with a gradient of 1 here, and whether it must.
  var isSeededByOnes = false, mustBeSeededByOnes = false

  init(backward: ((Tensor) -> Void)?) { self.backward = backward }

  /// Adds to the gradient. `gradient` may be kept without a copy; when `isFresh`, nobody else holds it and it may be
  /// written.
  func accumulate(_ gradient: Tensor, isFresh: Bool) {
    guard let present = self.gradient else {
      self.gradient = gradient.detached
      ownsGradient = isFresh
      return
    }
    precondition(present.count == gradient.count, "gradients of \(present.shape) and \(gradient.shape) for one tensor")
    let type: ElementType = gradient.elementType == .float32 ? .float32 : present.elementType
    let target =
      ownsGradient && present.elementType == type
      ? present : Tensor(uninitialized: present.shape, elementType: type, on: present.backend)
    present.backend.add(present, gradient, into: target)
    self.gradient = target
    ownsGradient = true
  }

  /// Adds products to the gradient: in its own memory where the backend does so, and through one of their own else.
  /// - Parameters:
  ///   - shape: how the products see the gradient.
  ///   - type: what a gradient of their own is stored as.
  ///   - canAdd: whether `write` can add to numbers.
  ///   - addsAnyway: whether it does wherever it can, as that makes the digits of a sum afterwards.
  ///   - write: fills the tensor it is given, or, told so, adds to all of it.
  func accumulateProducts(
    _ shape: [Int], as type: ElementType, on backend: any Backend, canAdd: Bool,
    addsAnyway: Bool = false, _ write: (_ target: Tensor, _ adds: Bool) -> Void
  ) {
    if canAdd, addsAnyway || backend.addsGradientsInProducts, let gradient, ownsGradient, gradient.elementType == type {
      return write(gradient.reshaped(shape), true)
    }
    let fresh = Tensor(uninitialized: shape, elementType: type, on: backend)
    write(fresh, false)
    accumulate(fresh, isFresh: true)
  }

  func takeGradient() -> Tensor? {
    defer { gradient = nil }
    return gradient
  }
}
