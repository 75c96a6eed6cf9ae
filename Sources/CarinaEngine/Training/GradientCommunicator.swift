import CarinaTensor

/// Adds up over all machines that train together. One machine needs nothing added.
package protocol GradientCommunicator: AnyObject {
  /// Sums each parameter's gradient over the machines, in place.
  func sumGradients(_ parameters: [Parameter]) throws
  /// Sums a number over the machines.
  func sum(_ value: Double) throws -> Double
}

/// Training on this machine alone.
package final class SingleMachine: GradientCommunicator {
  /// Nothing to set up.
  package init() {}
  /// The gradients are complete already.
  package func sumGradients(_ parameters: [Parameter]) throws {}
  /// The number itself.
  package func sum(_ value: Double) throws -> Double { value }
}
