/// The parts of HDF5's file format (version 3.0 of its specification, sections II and IV) that a file of groups, datasets
/// in one run each, and attributes needs: a superblock and object headers of version 2, all of them with a checksum.
enum HDF5Header {
  /// What the elements of a dataset are.
  enum Element {
    case byte, word, int32, int64, uint32, float

    var byteCount: Int {
      switch self {
      case .byte: 1
      case .word: 2
      case .int32, .uint32, .float: 4
      case .int64: 8
      }
    }
  }

  static let superblockByteCount = 48
  /// An address that says "nowhere".
  private static let nowhere = UInt64.max
  /// Messages are counted in 16 bits.
  static let mostMessageBytes = 60_000

  /// A superblock.
  static func superblock(root: UInt64, end: UInt64) -> [UInt8] {
    var bytes: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a, 2, 8, 8, 0]
    bytes += little(UInt64(0)) + little(nowhere) + little(end) + little(root)
    return bytes + little(HDF5Checksum.of(bytes))
  }

  /// An object header of messages, each with its number in the specification.
  static func object(_ messages: [(type: UInt8, bytes: [UInt8])]) -> [UInt8] {
    var body: [UInt8] = []
    for message in messages { body += [message.type] + little(UInt16(message.bytes.count)) + [0] + message.bytes }
    // The flags say that the length of the messages has four bytes.
    let bytes: [UInt8] = Array("OHDR".utf8) + [2, 2] + little(UInt32(body.count)) + body
    return bytes + little(HDF5Checksum.of(bytes))
  }

  /// The messages of a group, whose links stand in its header.
  static func group(_ links: [(name: String, address: UInt64)]) -> [(type: UInt8, bytes: [UInt8])] {
    var messages: [(type: UInt8, bytes: [UInt8])] = []
    messages.append((0x02, [0, 0] + little(nowhere) + little(nowhere)))
    messages.append((0x0a, [0, 0]))
    for link in links {
      let name = Array(link.name.utf8)
      messages.append((0x06, [1, 0, UInt8(name.count)] + name + little(link.address)))
    }
    return messages
  }

  /// The messages of a dataset that lies in one run.
  static func dataset(_ element: Element, shape: [Int], address: UInt64) -> [(type: UInt8, bytes: [UInt8])] {
    let size = shape.reduce(element.byteCount, *)
    return [
      (0x01, simpleSpace(shape)), (0x03, type(element)),
      // Allocated early, and no fill value is ever written.
      (0x05, [3, 0x05]),
      (0x08, [3, 1] + little(size == 0 ? nowhere : address) + little(UInt64(size))),
    ]
  }

  /// The message of an attribute with one value.
  static func attribute(_ name: String, text: String) -> (type: UInt8, bytes: [UInt8]) {
    // Text of a fixed size, padded by zeros, UTF-8; one of no bytes is not possible.
    let bytes = text.isEmpty ? [0] : Array(text.utf8)
    return attribute(name, type: [0x13, 0x11, 0, 0] + little(UInt32(bytes.count)), value: bytes)
  }

  /// The message of an attribute with one integer.
  static func attribute(_ name: String, integer: UInt32) -> (type: UInt8, bytes: [UInt8]) {
    attribute(name, type: type(.uint32), value: little(integer))
  }

  private static func attribute(_ name: String, type: [UInt8], value: [UInt8]) -> (type: UInt8, bytes: [UInt8]) {
    let name = Array(name.utf8) + [0], scalar: [UInt8] = [2, 0, 0, 0]
    var bytes: [UInt8] = [3, 0]
    for part in [name, type, scalar] { bytes += little(UInt16(part.count)) }
    // The name is UTF-8 as well as ASCII.
    bytes.append(0)
    for part in [name, type, scalar, value] { bytes += part }
    return (0x0c, bytes)
  }

  private static func simpleSpace(_ shape: [Int]) -> [UInt8] {
    [2, UInt8(shape.count), 0, 1] + shape.flatMap { little(UInt64($0)) }
  }

  private static func type(_ element: Element) -> [UInt8] {
    let size = UInt16(element.byteCount), bits = little(UInt16(0)) + little(8 * size)
    switch element {
    case .byte, .word, .uint32: return [0x10, 0, 0, 0] + little(UInt32(size)) + bits
    case .int32, .int64: return [0x10, 0x08, 0, 0] + little(UInt32(size)) + bits
    // IEEE 754: sign at bit 31, exponent of 8 bits from 23 on with the bias 127, mantissa with its first bit implied.
    case .float: return [0x11, 0x20, 31, 0] + little(UInt32(4)) + bits + [23, 8, 0, 23] + little(UInt32(127))
    }
  }

  private static func little<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian, Array.init)
  }
}
