import Foundation
import TestSupport
import Testing

import Carina

@Suite struct RuntimeTests {
  @Test("SHA-256 of the FIPS 180-4 examples")
  func sha256() {
    #expect(
      SHA256Digest.of("abc")
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(
      SHA256Digest.of("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    #expect(
      SHA256Digest.of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")
        == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
  }

  @Test("every task of a parallel loop runs exactly once")
  func parallelLoop() {
    for count in [0, 1, 2, 3, 7, 1000] {
      var hits = [Int](repeating: 0, count: count)
      hits.withUnsafeMutableBufferPointer { buffer in
        let buffer = UncheckedBuffer(buffer)
        ThreadTeam.run(taskCount: count) { buffer.value[$0] += 1 }
      }
      #expect(hits.allSatisfy { $0 == 1 })
    }
  }

  @Test("a failed write leaves the old file and no partial one")
  func atomicWrite() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("a/b.txt")
    try AtomicFile.write("old", to: path)
    struct Stop: Error {}
    #expect(throws: Stop.self) {
      try AtomicFile.write(to: path) { temporary in
        try Data("half".utf8).write(to: URL(fileURLWithPath: temporary))
        throw Stop()
      }
    }
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.file("a")) == ["b.txt"])
  }
}

private struct UncheckedBuffer: @unchecked Sendable {
  let value: UnsafeMutableBufferPointer<Int>
  init(_ value: UnsafeMutableBufferPointer<Int>) { self.value = value }
}
