import TestSupport
import Testing

import Carina

/// Compares the gradients of a model with those of a golden, which must name each other completely.
///
/// Each tensor is held to `relative` of its own largest magnitude. What the golden calls noise (its exact value is zero) is held
/// to a millionth of the largest gradient of all.
///
/// - Parameter names: from an engine's name to where the golden stores the gradient, without `grad.`.
func expectParity(
  _ parameters: [Parameter], _ golden: ParityGolden, relative: Double, names: (Parameter) -> String = \.name,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let untouched = golden.texts("no_gradient"), noise = golden.texts("noise_only")
  var left = Set(golden.names("grad.").map { String($0.dropFirst(5)) })
  let largest = try left.map { try golden.tensor("grad." + $0).doubles.reduce(0) { max($0, abs($1)) } }.max() ?? 0
  for parameter in parameters {
    let name = names(parameter)
    if untouched.contains(name) {
      #expect(parameter.gradient == nil, "\(name) should have no gradient", sourceLocation: sourceLocation)
      continue
    }
    guard left.remove(name) != nil else {
      Issue.record("the golden has no gradient of \(name)", sourceLocation: sourceLocation)
      continue
    }
    guard let gradient = parameter.gradient else {
      Issue.record("no gradient of \(name)", sourceLocation: sourceLocation)
      continue
    }
    let isNoise = noise.contains(name)
    expectClose(
      gradient, try golden.tensor("grad." + name), relative: isNoise ? 0 : relative,
      absolute: isNoise ? 1e-6 * largest : 0, name, sourceLocation: sourceLocation)
  }
  #expect(left.isEmpty, "gradients of the golden that no weight has: \(left.sorted())", sourceLocation: sourceLocation)
}

extension Array where Element == Parameter {
  /// Trains all of them from here on.
  func train() { for parameter in self { parameter.setTrainable(true) } }
}
