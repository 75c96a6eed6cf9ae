import CarinaRuntime

extension TextColumn {
  /// Texts that a file holds as bytes one after the other, and where each begins and the last ends.
  /// - Throws: `CarinaError.badData` where these do not agree, or a text is no UTF-8.
  init(_ file: HDF5InputFile, _ name: String) throws {
    let stored = try file.dataset(name + "/bytes"), positions = try file.dataset(name + "/offsets")
    guard stored.extent.count == 1, stored.isInteger(byteCount: 1, isSigned: false), positions.extent.count == 1,
      positions.isInteger(byteCount: 8, isSigned: true), positions.extent[0] > 0
    else {
      throw file.bad(
        "\(name) has another rank or type", expected: "bytes uint8 [B] and offsets int64 [M + 1]",
        found: "\(stored.extent) and \(positions.extent)")
    }
    let bytes = try stored.checkedBytes()
    let offsets = try positions.checkedBytes().withUnsafeBytes { Array($0.bindMemory(to: Int64.self)) }
    guard offsets[0] == 0, offsets[offsets.count - 1] == bytes.count,
      zip(offsets, offsets.dropFirst()).allSatisfy({ $0 <= $1 })
    else { throw file.bad("\(name)/offsets do not go up from 0 to the number of bytes") }
    // Whole characters in the whole, and none of them cut by an offset.
    guard String(validating: bytes, as: UTF8.self) != nil,
      offsets.allSatisfy({ $0 == bytes.count || bytes[Int($0)] & 0xc0 != 0x80 })
    else { throw file.bad("\(name) holds bytes that are no UTF-8") }
    self.init(bytes: bytes, ends: offsets.dropFirst().map { Int($0) })
  }
}
