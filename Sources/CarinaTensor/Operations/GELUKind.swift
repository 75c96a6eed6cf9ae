import CKernels

/// Which GELU (Hendrycks and Gimpel 2016): by the error function, or its tanh approximation.
package enum GELUKind: String, Sendable {
  /// x Φ(x), with the error function.
  case exact
  /// 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))).
  case tanhApproximation

  var code: Int32 { self == .exact ? Int32(CARINA_GELU_ERF.rawValue) : Int32(CARINA_GELU_TANH.rawValue) }
}

extension GELUKind: CustomDebugStringConvertible {
  /// As records of stage 0 name it, whose shapes are compared on resuming: a name that does not depend on the module.
  package var debugDescription: String { "Carina.GELUKind.\(rawValue)" }
}
