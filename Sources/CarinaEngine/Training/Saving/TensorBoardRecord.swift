import CarinaData
import CarinaRuntime
import Foundation

/// One event of a TensorBoard file: scalars, texts and pictures of a step, as the protocol buffer `Event` in a TFRecord frame (TensorFlow
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

  /// Texts and pictures by tag, as `SummaryWriter.add_text` and `add_image` of PyTorch write them.
  /// - Parameter time: seconds since 1970.
  package init(step: Int, time: Double, texts: [(tag: String, text: String)], images: [(tag: String, png: Data)]) {
    var summary = ProtocolMessage()
    for (tag, text) in texts {
      var plugin = ProtocolMessage(), metadata = ProtocolMessage()
      plugin.add(1, Array("text".utf8))
      metadata.add(1, plugin.bytes)
      var dimension = ProtocolMessage(), shape = ProtocolMessage(), tensor = ProtocolMessage()
      dimension.add(1, 1)
      shape.add(2, dimension.bytes)
      // DT_STRING.
      tensor.add(1, 7)
      tensor.add(2, shape.bytes)
      tensor.add(8, Array(text.utf8))
      var entry = ProtocolMessage()
      entry.add(1, Array("\(tag)/text_summary".utf8))
      entry.add(8, tensor.bytes)
      entry.add(9, metadata.bytes)
      summary.add(1, entry.bytes)
    }
    for (tag, png) in images {
      let size = PNGEncoder.size(of: png)
      var image = ProtocolMessage()
      image.add(1, size.height)
      image.add(2, size.width)
      image.add(3, size.channels)
      image.add(4, Array(png))
      var entry = ProtocolMessage()
      entry.add(1, Array(tag.utf8))
      entry.add(4, image.bytes)
      summary.add(1, entry.bytes)
    }
    self.init(step: step, time: time, summary: summary)
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
    self.init(step: step, time: time, summary: summary)
  }

  private init(step: Int, time: Double, summary: ProtocolMessage) {
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
