import CarinaRuntime
import Foundation

/// SHA-1 (FIPS 180-4) of a file as git names it, over `blob SIZE`, a zero and the bytes: the checksum by which the hub
/// knows its small files. It tells damage; nothing rests on its being hard to forge.
package struct GitBlobDigest {
  private var state: [UInt32] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0]
  private var block: [UInt8] = [], count = 0

  /// The digest of a file, 40 lower-case hexadecimal digits.
  /// - Throws: as `ReadableFile.open`.
  static func ofFile(_ path: String) throws -> String {
    let (descriptor, byteCount) = try ReadableFile.open(path)
    defer { close(descriptor) }
    var digest = GitBlobDigest()
    digest.update(Array("blob \(byteCount)\0".utf8))
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = try buffer.withUnsafeMutableBytes { try ReadableFile.fill($0, from: descriptor, path) }
      digest.update(buffer[..<count])
      if count < buffer.count { return digest.finish() }
    }
  }

  /// The digest of bytes.
  package static func of(_ bytes: Data) -> String {
    var digest = GitBlobDigest()
    digest.update(Array("blob \(bytes.count)\0".utf8))
    digest.update(bytes)
    return digest.finish()
  }

  /// Takes in bytes.
  mutating func update(_ bytes: some Collection<UInt8>) {
    count += bytes.count
    block += bytes
    var start = 0
    while block.count - start >= 64 {
      compress(block[start..<start + 64])
      start += 64
    }
    block.removeFirst(start)
  }

  /// Ends the digest.
  mutating func finish() -> String {
    let bits = UInt64(count) * 8
    let zeros = (119 - count % 64) % 64
    update(
      [0x80] + [UInt8](repeating: 0, count: zeros) + (0..<8).map { UInt8(truncatingIfNeeded: bits >> (56 - 8 * $0)) })
    return state.map { String(format: "%08x", $0) }.joined()
  }

  private mutating func compress(_ bytes: ArraySlice<UInt8>) {
    var words = [UInt32](repeating: 0, count: 80)
    for (index, byte) in bytes.enumerated() { words[index / 4] = words[index / 4] << 8 | UInt32(byte) }
    func rotated(_ word: UInt32, _ count: UInt32) -> UInt32 { word << count | word >> (32 - count) }
    for index in 16..<80 {
      words[index] = rotated(words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16], 1)
    }
    var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
    for index in 0..<80 {
      let (mix, constant): (UInt32, UInt32) =
        switch index / 20 {
        case 0: (b & c | ~b & d, 0x5a82_7999)
        case 1: (b ^ c ^ d, 0x6ed9_eba1)
        case 2: (b & c | b & d | c & d, 0x8f1b_bcdc)
        default: (b ^ c ^ d, 0xca62_c1d6)
        }
      let next = rotated(a, 5) &+ mix &+ e &+ constant &+ words[index]
      (e, d, c, b, a) = (d, c, rotated(b, 30), a, next)
    }
    state = zip(state, [a, b, c, d, e]).map { $0 &+ $1 }
  }
}
