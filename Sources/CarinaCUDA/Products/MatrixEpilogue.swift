/// What cuBLASLt does to each number of a product before it is written.
enum MatrixEpilogue {
  case none, bias, gelu, geluOfBias

  init(hasBias: Bool, hasGELU: Bool) {
    switch (hasBias, hasGELU) {
    case (false, false): self = .none
    case (true, false): self = .bias
    case (false, true): self = .gelu
    case (true, true): self = .geluOfBias
    }
  }

  /// cuBLASLt's `cublasLtEpilogue_t`.
  var code: Int32 {
    switch self {
    case .none: 1
    case .bias: 4
    case .gelu: 32
    case .geluOfBias: 36
    }
  }
}
