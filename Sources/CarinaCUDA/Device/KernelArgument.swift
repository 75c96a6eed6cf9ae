import CarinaTensor

/// One argument of a kernel.
enum KernelArgument {
  /// An address in memory that lives until the kernel is queued.
  case memory(Storage?, UInt64)
  /// The argument's bytes, the first ones of eight.
  case bits(UInt64)

  static func tensor(_ tensor: Tensor) -> KernelArgument { .memory(tensor.storage, tensor.deviceAddress) }
  /// A null pointer for nil.
  static func optional(_ tensor: Tensor?) -> KernelArgument { tensor.map(KernelArgument.tensor) ?? .bits(0) }
  static func int32(_ number: Int) -> KernelArgument {
    .bits(UInt64(UInt32(bitPattern: Int32(truncatingIfNeeded: number))))
  }
  static func int64(_ number: Int) -> KernelArgument { .bits(UInt64(bitPattern: Int64(number))) }
  static func uint32(_ number: UInt32) -> KernelArgument { .bits(UInt64(number)) }
  static func uint64(_ number: UInt64) -> KernelArgument { .bits(number) }
  static func float(_ number: Float) -> KernelArgument { .bits(UInt64(number.bitPattern)) }
  static func double(_ number: Double) -> KernelArgument { .bits(number.bitPattern) }

  /// The argument's bytes in a slot of eight, the first ones its own.
  var slot: UInt64 {
    switch self {
    case .memory(_, let address): address
    case .bits(let bits): bits
    }
  }
}

extension Tensor {
  /// Where the first number lies in the card's memory.
  var deviceAddress: UInt64 { UInt64(UInt(bitPattern: storage.address)) + UInt64(byteOffset) }
  /// The element type as kernels' names have it.
  var letter: String { elementType == .bfloat16 ? "b" : "f" }
}
