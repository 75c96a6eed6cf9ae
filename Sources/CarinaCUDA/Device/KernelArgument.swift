import CarinaTensor

/// One argument of a kernel.
enum KernelArgument {
  case tensor(Tensor)
  /// A null pointer for nil.
  case optional(Tensor?)
  case int32(Int)
  case int64(Int)
  case uint32(UInt32)
  case uint64(UInt64)
  case float(Float)
  case double(Double)

  /// The argument's bytes in a slot of eight, the first ones its own.
  var slot: UInt64 {
    switch self {
    case .tensor(let tensor): tensor.deviceAddress
    case .optional(let tensor): tensor?.deviceAddress ?? 0
    case .int32(let number): UInt64(UInt32(bitPattern: Int32(truncatingIfNeeded: number)))
    case .int64(let number): UInt64(bitPattern: Int64(number))
    case .uint32(let number): UInt64(number)
    case .uint64(let number): number
    case .float(let number): UInt64(number.bitPattern)
    case .double(let number): number.bitPattern
    }
  }
}

extension Tensor {
  /// Where the first number lies in the card's memory.
  var deviceAddress: UInt64 { UInt64(UInt(bitPattern: storage.address)) + UInt64(byteOffset) }
  /// The element type as kernels' names have it.
  var letter: String { elementType == .bfloat16 ? "b" : "f" }
}
