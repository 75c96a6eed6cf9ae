/// The checksum of HDF5's metadata: Bob Jenkins' lookup3 ("hashlittle", 2006), started with 0.
package enum HDF5Checksum {
  /// The checksum of bytes.
  package static func of(_ bytes: some Collection<UInt8>) -> UInt32 {
    let bytes = Array(bytes)
    var a = 0xdead_beef &+ UInt32(truncatingIfNeeded: bytes.count)
    var (b, c) = (a, a)
    var start = 0
    func word(_ index: Int) -> UInt32 {
      (0..<4).reduce(0) { sum, byte in
        let position = start + 4 * index + byte
        return position < bytes.count ? sum | UInt32(bytes[position]) << UInt32(8 * byte) : sum
      }
    }
    guard !bytes.isEmpty else { return c }
    while bytes.count - start > 12 {
      (a, b, c) = (a &+ word(0), b &+ word(1), c &+ word(2))
      mix(&a, &b, &c)
      start += 12
    }
    (a, b, c) = (a &+ word(0), b &+ word(1), c &+ word(2))
    c = (c ^ b) &- rotated(b, 14)
    a = (a ^ c) &- rotated(c, 11)
    b = (b ^ a) &- rotated(a, 25)
    c = (c ^ b) &- rotated(b, 16)
    a = (a ^ c) &- rotated(c, 4)
    b = (b ^ a) &- rotated(a, 14)
    return (c ^ b) &- rotated(b, 24)
  }

  private static func rotated(_ value: UInt32, _ bits: UInt32) -> UInt32 { value << bits | value >> (32 - bits) }

  private static func mix(_ a: inout UInt32, _ b: inout UInt32, _ c: inout UInt32) {
    step(&a, &c, b, 4)
    step(&b, &a, c, 6)
    step(&c, &b, a, 8)
    step(&a, &c, b, 16)
    step(&b, &a, c, 19)
    step(&c, &b, a, 4)
  }

  private static func step(_ x: inout UInt32, _ z: inout UInt32, _ y: UInt32, _ bits: UInt32) {
    x = (x &- z) ^ rotated(z, bits)
    z = z &+ y
  }
}
