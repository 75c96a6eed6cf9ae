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

  @Test("SHA-256 by the processor's instructions is SHA-256 by plain arithmetic, however the bytes are divided")
  func sha256Instructions() {
    var generator = SeededGenerator(seed: 1, stream: "digest")
    let bytes = (0..<5000).map { _ in UInt8.random(in: 0...255, using: &generator) }
    for count in [0, 1, 55, 56, 63, 64, 65, 119, 128, 1000, 5000] {
      var plain = SHA256Digest(mayUseInstructions: false), fast = SHA256Digest()
      bytes[..<count].withUnsafeBytes { plain.update($0) }
      for first in stride(from: 0, to: count, by: 137) {
        bytes[first..<min(count, first + 137)].withUnsafeBytes { fast.update($0) }
      }
      #expect(plain.finish() == fast.finish(), "\(count) bytes")
    }
    // FIPS 180-4's million letters, over many blocks at a time.
    let letters = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
    for mayUseInstructions in [false, true] {
      var digest = SHA256Digest(mayUseInstructions: mayUseInstructions)
      letters.withUnsafeBytes { digest.update($0) }
      #expect(digest.finish() == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }
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

  @Test("a held team runs every task of every loop once, nested loops and loops after an idle while included")
  func heldTeam() {
    for threads in [1, 2, 3] {
      withThreads(threads) {
        var hits = [Int](repeating: 0, count: 700)
        hits.withUnsafeMutableBufferPointer { buffer in
          let buffer = UncheckedBuffer(buffer)
          let sum = ThreadTeam.held { () -> Int in
            for round in 0..<100 {
              if round == 50 { usleep(3000) }
              ThreadTeam.run(taskCount: 7) { outer in
                ThreadTeam.run(taskCount: 100) { buffer.value[outer * 100 + $0] += 1 }
              }
            }
            return ThreadTeam.held { buffer.value.reduce(0, +) }
          }
          #expect(sum == 70_000)
        }
        #expect(hits.allSatisfy { $0 == 100 })
      }
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

  @Test("a directory that cannot take the place of an earlier one leaves that where it was")
  func failedExchange() throws {
    let directory = try TemporaryDirectory(), path = directory.file("model")
    try AtomicFile.writeDirectory(to: path) { try AtomicFile.write("old", to: $0 + "/text") }
    #expect(throws: CarinaError.self) {
      // Without a directory to rename the second rename fails, after the first has moved the old one away.
      try AtomicFile.writeDirectory(to: path) { try FileManager.default.removeItem(atPath: $0) }
    }
    #expect(try String(contentsOfFile: path + "/text", encoding: .utf8) == "old")
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["model"])
  }

  @Test("what killed processes left goes, or gets its name back; what living ones hold stays")
  func abandoned() throws {
    let directory = try TemporaryDirectory()
    let (dead, alive) = (try DeadProcess.identifier(), getpid())
    let left = [
      "step-4.\(dead).partial/a", "log.\(dead).partial", "model.\(dead).previous/a", "model/b",
      "lost.\(dead).previous/a", "step-6.\(alive).partial/a", "log.\(alive).partial", "shard.x.partial", "7.partial",
    ]
    for name in left { try AtomicFile.write(name, to: directory.file(name)) }
    try AbandonedFiles.clear(directory.path)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
        == ["7.partial", "log.\(alive).partial", "lost", "model", "shard.x.partial", "step-6.\(alive).partial"])
    #expect(FileManager.default.contents(atPath: directory.file("lost/a")) != nil)
    #expect(FileManager.default.contents(atPath: directory.file("model/b")) != nil)
    // A process that has written nothing yet: in a container each has the same number.
    #expect(try AbandonedFiles.clear(directory.path, isBegin: true).count == 2)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
        == ["7.partial", "lost", "model", "shard.x.partial"])
    try AbandonedFiles.clear(directory.file("nowhere"))
  }
}

// Unchecked: the parts of a team write elements of their own.
private struct UncheckedBuffer: @unchecked Sendable {
  let value: UnsafeMutableBufferPointer<Int>
  init(_ value: UnsafeMutableBufferPointer<Int>) { self.value = value }
}
