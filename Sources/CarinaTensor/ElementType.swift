/// How a tensor's numbers are stored in memory. IEEE half precision exists on disk only: its range is too small for
/// Gemma's activations, so it is widened when it is loaded.
public enum ElementType: String, Codable, Sendable {
  /// IEEE single precision.
  case float32
  /// The upper half of a single-precision number.
  case bfloat16

  /// Bytes of one element.
  package var byteCount: Int { self == .float32 ? 4 : 2 }
}
