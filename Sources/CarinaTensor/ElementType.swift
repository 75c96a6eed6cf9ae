/// How a tensor's numbers are stored in memory. IEEE half precision exists on disk only: its range is too small for
/// Gemma's activations, so it is widened when it is loaded.
public enum ElementType: String, Codable, Sendable {
  /// IEEE single precision.
  case float32
  /// The upper half of a single-precision number.
  case bfloat16
  /// Codes that a table turns into numbers (`DynamicCodes`); only what made them reads them.
  case uint8

  /// Bytes of one element.
  package var byteCount: Int {
    switch self {
    case .float32: 4
    case .bfloat16: 2
    case .uint8: 1
    }
  }
}
