import Carina
import Testing

@Suite struct CRC32Tests {
  @Test("CRC-32 of the catalogue's check text and of zlib, by whatever instructions")
  func known() {
    for instructions in CRC32.Instructions.allCases {
      func sum(_ bytes: [UInt8]) -> UInt32 { bytes.withUnsafeBytes { CRC32.of($0, instructions: instructions) } }
      #expect(sum(Array("123456789".utf8)) == 0xcbf4_3926)
      #expect(sum([]) == 0)
      // Python: zlib.crc32(bytes(range(256)) * 40), zlib.crc32(bytes(147456))
      #expect(sum((0..<40).flatMap { _ in (0...255).map { UInt8($0) } }) == 0xbbce_3b9d)
      #expect(sum([UInt8](repeating: 0, count: 147_456)) == 0x9fb8_bb1e)
    }
  }

  @Test("all instructions give one sum for every length, at every alignment and in parts")
  func agreement() {
    var generator = SeededGenerator(seed: 2, stream: "crc")
    let bytes = (0..<5000).map { _ in UInt8.random(in: 0...255, using: &generator) }
    bytes.withUnsafeBytes { bytes in
      for count in Array(0...300) + [511, 512, 513, 1024, 4000, 4991] {
        let part = UnsafeRawBufferPointer(rebasing: bytes[count % 9..<count % 9 + count])
        let plain = CRC32.of(part, instructions: .none)
        #expect(CRC32.of(part, instructions: .products) == plain, "\(count) bytes")
        #expect(CRC32.of(part) == plain, "\(count) bytes")
        let first = UnsafeRawBufferPointer(rebasing: part[..<(count / 3)])
        let rest = UnsafeRawBufferPointer(rebasing: part[(count / 3)...])
        #expect(CRC32.of(rest, after: CRC32.of(first)) == plain)
      }
    }
  }

  @Test("a file system without inodes is told from one without bytes")
  func inodes() {
    #expect(WriteFailure.lacksInodes(inodes: 100, freeInodes: 0, freeBlocks: 5))
    #expect(!WriteFailure.lacksInodes(inodes: 100, freeInodes: 1, freeBlocks: 5))
    #expect(!WriteFailure.lacksInodes(inodes: 100, freeInodes: 0, freeBlocks: 0))
    // Without a table of inodes, as btrfs.
    #expect(!WriteFailure.lacksInodes(inodes: 0, freeInodes: 0, freeBlocks: 5))
    let error = WriteFailure.error("/nowhere/at/all", code: 13)
    #expect(error.kind == .cannotWrite && error.description.contains("Permission denied"))
  }
}
