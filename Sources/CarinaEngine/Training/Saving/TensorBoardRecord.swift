import CarinaRuntime
import Foundation

/// One event of a TensorBoard file: scalars of a step, as the protocol buffer `Event` in a TFRecord frame (TensorFlow
/// `event.proto`, `summary.proto`, `record_writer.cc`).
package struct TensorBoardRecord {
  /// The frame's bytes.
  package let bytes: Data

  /// The event that every file begins with.
  package init(fileVersionAt time: Double) {
    var event = ProtocolMessage()
    event.add(1, time)
    event.add(3, Array("brain.Event:2".utf8))
    bytes = Self.framed(event.bytes)
  }

  /// Scalars by tag.
  /// - Parameter time: seconds since 1970.
  package init(step: Int, time: Double, scalars: [(tag: String, value: Double)]) {
    var summary = ProtocolMessage()
    for (tag, value) in scalars {
      var entry = ProtocolMessage()
      entry.add(1, Array(tag.utf8))
      entry.add(2, Float(value))
      summary.add(1, entry.bytes)
    }
    var event = ProtocolMessage()
    event.add(1, time)
    event.add(2, step)
    event.add(5, summary.bytes)
    bytes = Self.framed(event.bytes)
  }

  private static func framed(_ payload: [UInt8]) -> Data {
    let length = withUnsafeBytes(of: UInt64(payload.count).littleEndian) { Array($0) }
    var frame = Data(length)
    frame.append(masked(length))
    frame.append(contentsOf: payload)
    frame.append(masked(payload))
    return frame
  }

  /// The checksum as the frame holds it: CRC-32C, rotated and shifted.
  private static func masked(_ bytes: [UInt8]) -> Data {
    let checksum = CRC32C.of(bytes), rotated = checksum >> 15 | checksum << 17
    return withUnsafeBytes(of: (rotated &+ 0xa282_ead8).littleEndian) { Data($0) }
  }
}

/// A protocol buffer message in the making (Protocol Buffers encoding, proto3).
private struct ProtocolMessage {
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
