import Carina
import Testing

/// Expects `gradient` to be the slope of `function` at `point`, by central differences in double precision.
///
/// - Parameters:
///   - gradient: what the engine computed; its absence is a failure.
///   - function: a twin in double precision, whose rounding is far below the step.
///   - elements: how many elements to look at, chosen by a fixed seed; all by default.
///   - relative: allowed difference as a part of the largest slope seen.
public func expectGradient(
  _ gradient: Tensor?, at point: [Double], elements: Int = .max, step: Double = 1e-4, relative: Double = 2e-5,
  absolute: Double = 1e-7, _ label: String = "", sourceLocation: SourceLocation = #_sourceLocation,
  _ function: ([Double]) -> Double
) {
  guard let gradient else {
    Issue.record("\(label): no gradient", sourceLocation: sourceLocation)
    return
  }
  guard gradient.count == point.count else {
    Issue.record("\(label): \(gradient.shape) for \(point.count) numbers", sourceLocation: sourceLocation)
    return
  }
  var indices = Array(point.indices)
  if elements < point.count {
    var generator = SeededGenerator(seed: 1, stream: "gradient elements")
    indices = generator.permutation(point.count).prefix(elements).sorted()
  }
  let found = gradient.doubles
  var moved = point
  let slopes = indices.map { index in
    moved[index] = point[index] + step
    let above = function(moved)
    moved[index] = point[index] - step
    let below = function(moved)
    moved[index] = point[index]
    return (above - below) / (2 * step)
  }
  expectClose(
    indices.map { found[$0] }, slopes, relative: relative, absolute: absolute, label, sourceLocation: sourceLocation)
}

/// Sum of products: the scalar whose slope a backward pass seeded with `weights` gives.
public func weightedSum(_ values: [Double], _ weights: [Double]) -> Double {
  var sum = 0.0
  for index in values.indices { sum += values[index] * weights[index] }
  return sum
}
