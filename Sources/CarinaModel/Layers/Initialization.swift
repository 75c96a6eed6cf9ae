/// How a weight begins when no checkpoint gives it.
package enum Initialization: Equatable, Sendable {
  /// Normally distributed around 0.
  case normal(standardDeviation: Double)
  /// All the same.
  case constant(Float)
}
