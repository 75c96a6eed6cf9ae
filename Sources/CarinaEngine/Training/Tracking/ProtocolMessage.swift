/// A protocol buffer message in the making (Protocol Buffers encoding, proto3).
struct ProtocolMessage {
  private(set) var bytes: [UInt8] = []

  private mutating func add(varint value: UInt64) {
    var value = value
    while value >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    bytes.append(UInt8(value))
  }

  private mutating func add(key field: Int, wire: Int) { add(varint: UInt64(field << 3 | wire)) }

  mutating func add(_ field: Int, _ value: Int) {
    add(key: field, wire: 0)
    add(varint: UInt64(bitPattern: Int64(value)))
  }

  mutating func add(_ field: Int, _ value: Double) {
    add(key: field, wire: 1)
    bytes += withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
  }

  mutating func add(_ field: Int, _ value: Float) {
    add(key: field, wire: 5)
    bytes += withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
  }

  mutating func add(_ field: Int, _ value: [UInt8]) {
    add(key: field, wire: 2)
    add(varint: UInt64(value.count))
    bytes += value
  }
}
