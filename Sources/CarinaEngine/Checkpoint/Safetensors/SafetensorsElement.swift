import CarinaTensor

/// How a safetensors file stores the numbers of a tensor; the names are the format's.
package enum SafetensorsElement: String, Sendable, CaseIterable {
  /// IEEE half precision.
  case float16 = "F16"
  /// IEEE single precision.
  case float32 = "F32"
  /// IEEE double precision.
  case float64 = "F64"
  /// The upper half of single precision.
  case bfloat16 = "BF16"
  /// 8-bit signed.
  case int8 = "I8"
  /// 16-bit signed.
  case int16 = "I16"
  /// 32-bit signed.
  case int32 = "I32"
  /// 64-bit signed.
  case int64 = "I64"
  /// 8-bit unsigned.
  case uint8 = "U8"
  /// 16-bit unsigned.
  case uint16 = "U16"
  /// 32-bit unsigned.
  case uint32 = "U32"
  /// 64-bit unsigned.
  case uint64 = "U64"
  /// One byte, 0 or 1.
  case bool = "BOOL"
  /// Two single-precision numbers.
  case complex64 = "C64"
  /// Eight-bit floating point in its three flavours.
  case float8E4M3 = "F8_E4M3"
  /// Eight-bit floating point with more range.
  case float8E5M2 = "F8_E5M2"
  /// Eight-bit powers of two.
  case float8E8M0 = "F8_E8M0"
  /// Six-bit floating point.
  case float6E2M3 = "F6_E2M3"
  /// Six-bit floating point with more range.
  case float6E3M2 = "F6_E3M2"
  /// Four-bit floating point.
  case float4 = "F4"

  /// Those that can be computed with.
  static let computable: Set<SafetensorsElement> = [.float16, .float32, .float64, .bfloat16]

  /// Bits of one element.
  package var bitCount: Int {
    switch self {
    case .float64, .int64, .uint64, .complex64: 64
    case .float32, .int32, .uint32: 32
    case .float16, .bfloat16, .int16, .uint16: 16
    case .int8, .uint8, .bool, .float8E4M3, .float8E5M2, .float8E8M0: 8
    case .float6E2M3, .float6E3M2: 6
    case .float4: 4
    }
  }

  /// The format's name of an element type of the engine.
  package init(_ type: ElementType) {
    switch type {
    case .float32: self = .float32
    case .bfloat16: self = .bfloat16
    case .uint8: self = .uint8
    }
  }
}
