import Carina
import Testing

/// Numbers that can be compared with others: a tensor, or an array of floating-point numbers.
public protocol ComparableNumbers {
  /// Lengths of the dimensions; nil where only the count is known.
  var comparedShape: [Int]? { get }
  /// The numbers in double precision, row-major.
  var doubles: [Double] { get }
}

extension Tensor: ComparableNumbers {
  /// The tensor's shape.
  public var comparedShape: [Int]? { shape }
  /// The elements in double precision.
  public var doubles: [Double] { values.map(Double.init) }
}

extension Array: ComparableNumbers where Element: BinaryFloatingPoint {
  /// An array only has a count.
  public var comparedShape: [Int]? { nil }
  /// The elements in double precision.
  public var doubles: [Double] { map { Double($0) } }
}

/// What the relative part of a tolerance is a part of.
public enum ToleranceScale: Sendable {
  /// The largest magnitude among the expected numbers.
  case largest
  /// Each expected number's own magnitude.
  case element
}

/// Expects |actual − expected| ≤ absolute + relative · scale at every element, equal shapes, and NaN nowhere.
///
/// A failure names the worst element.
/// - Returns: the largest difference as a part of the largest expected magnitude, for reports.
@discardableResult
public func expectClose(
  _ actual: some ComparableNumbers, _ expected: some ComparableNumbers, relative: Double, absolute: Double = 0,
  scale: ToleranceScale = .largest, _ label: String = "", sourceLocation: SourceLocation = #_sourceLocation
) -> Double {
  let prefix = label.isEmpty ? "" : label + ": "
  if let actualShape = actual.comparedShape, let expectedShape = expected.comparedShape, actualShape != expectedShape {
    Issue.record("\(prefix)shape \(actualShape), expected \(expectedShape)", sourceLocation: sourceLocation)
    return .infinity
  }
  let found = actual.doubles, wanted = expected.doubles
  guard found.count == wanted.count else {
    Issue.record("\(prefix)\(found.count) numbers, expected \(wanted.count)", sourceLocation: sourceLocation)
    return .infinity
  }
  let largest = wanted.reduce(0) { max($0, abs($1)) }
  var worst = (excess: -Double.infinity, index: 0), difference = 0.0
  for index in found.indices {
    let distance = found[index] == wanted[index] ? 0 : abs(found[index] - wanted[index])
    let allowed = absolute + relative * (scale == .largest ? largest : abs(wanted[index]))
    // A NaN compares false with everything; it must count as infinitely far away.
    let excess = distance <= allowed ? distance - allowed : (distance.isNaN ? .infinity : distance - allowed)
    difference = max(difference, distance.isNaN ? .infinity : distance)
    if excess > worst.excess { worst = (excess, index) }
  }
  if worst.excess > 0 {
    Issue.record(
      """
      \(prefix)element \(worst.index) of \(found.count) is \(found[worst.index]), expected \(wanted[worst.index]); \
      off by \(abs(found[worst.index] - wanted[worst.index])), largest expected magnitude \(largest)
      """, sourceLocation: sourceLocation)
  }
  return largest > 0 ? difference / largest : difference
}

/// Expects the very same bits, element by element.
public func expectSameBits(
  _ actual: Tensor?, _ expected: Tensor?, _ label: String = "", sourceLocation: SourceLocation = #_sourceLocation
) {
  guard let actual, let expected else {
    if (actual == nil) != (expected == nil) {
      Issue.record("\(label): only one of the two is there", sourceLocation: sourceLocation)
    }
    return
  }
  guard actual.shape == expected.shape, actual.elementType == expected.elementType else {
    Issue.record("\(label): \(actual.shape) and \(expected.shape)", sourceLocation: sourceLocation)
    return
  }
  let size = actual.elementType.byteCount
  let found = actual.withHostBytes { Array($0) }, wanted = expected.withHostBytes { Array($0) }
  if let byte = found.indices.first(where: { found[$0] != wanted[$0] }) {
    Issue.record("\(label): element \(byte / size) of \(actual.count) differs", sourceLocation: sourceLocation)
  }
}
