import CarinaTensor

/// The sum of a micro-batch's losses, which stays with the backend until it is asked for: asking waits for everything
/// that computes.
package struct LossSum {
  private let losses: Tensor
  private let sum: (ArraySlice<Float>) -> Double

  /// The sum of losses, fp32, in their order and in double precision.
  package init(of losses: Tensor) { self.init(of: losses) { $0.reduce(0) { $0 + Double($1) } } }

  /// What `sum` makes of fp32 numbers when they are read.
  package init(of losses: Tensor, _ sum: @escaping (ArraySlice<Float>) -> Double) {
    self.losses = losses.detached
    self.sum = sum
  }

  /// The sum, read.
  package var value: Double { LossSum.values([self])[0] }

  /// Several sums of one backend, read at once.
  package static func values(_ sums: [LossSum]) -> [Double] {
    guard let first = sums.first else { return [] }
    let counts = sums.map(\.losses.count)
    var all = first.losses
    if sums.count > 1 {
      all = Tensor(uninitialized: [counts.reduce(0, +)], on: first.losses.backend)
      var start = 0
      for one in sums {
        all.backend.copy(one.losses, into: all.elementSlice(start..<start + one.losses.count))
        start += one.losses.count
      }
    }
    var rest = all.values[...]
    return zip(sums, counts).map { one, count in
      defer { rest = rest.dropFirst(count) }
      return one.sum(rest.prefix(count))
    }
  }
}
