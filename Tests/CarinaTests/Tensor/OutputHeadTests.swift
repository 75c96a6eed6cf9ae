import Foundation
import TestSupport
import Testing

import Carina

@Suite("Output head") struct OutputHeadTests {
  private let backend = TestBackend.cpu

  private func numbers(_ count: Int, seed: UInt64) -> [Float] {
    var generator = SeededGenerator(seed: seed, stream: "output head")
    return (0..<count).map { _ in Float(generator.uniform(in: -1..<1)) }
  }

  @Test("pieces of a head give the logits of the whole, and its gradient to 1e-6", arguments: [1, 7, 40])
  func pieces(rows: Int) {
    let hidden = Tensor(numbers(rows * 96, seed: 1), shape: [rows, 96], on: backend).converted(to: .bfloat16)
    let head = Tensor(numbers(1_000 * 96, seed: 2), shape: [1_000, 96], on: backend).converted(to: .bfloat16)
    func logits(_ rowsAtOnce: Int?) -> Tensor {
      let out = Tensor(uninitialized: [rows, 1_000], on: backend)
      backend.logits(of: hidden, head: head, rowsAtOnce: rowsAtOnce, into: out)
      return out
    }
    let whole = logits(nil), gradient = whole.converted(to: .bfloat16)
    #expect(logits(128).doubles == whole.doubles)
    func back(_ rowsAtOnce: Int?) -> [Double] {
      let out = Tensor(uninitialized: [rows, 96], on: backend)
      backend.hiddenGradient(ofLogits: gradient, head: head, rowsAtOnce: rowsAtOnce, into: out)
      return out.doubles
    }
    expectClose(back(128), back(nil), relative: 1e-6, absolute: 1e-4)
  }

  @Test("what was read of a mapped head is given back")
  func pages() throws {
    let width = 128, vocabulary = 8_192
    let directory = try TemporaryDirectory()
    let weights = numbers(vocabulary * width, seed: 3).withUnsafeBytes { Data($0) }
    let file = try ResidentFile(weights, at: directory.file("head.bin"))
    let storage = Storage(borrowing: file.address, byteCount: file.byteCount, owner: file, on: backend)
    let head = Tensor(shape: [vocabulary, width], storage: storage)
    let hidden = Tensor(numbers(4 * width, seed: 4), shape: [4, width], on: backend)
    let out = Tensor(uninitialized: [4, vocabulary], on: backend)
    backend.logits(of: hidden, head: head, rowsAtOnce: nil, into: out)
    #expect(file.residentPages >= file.byteCount / 4096)
    backend.logits(of: hidden, head: head, rowsAtOnce: 1_024, into: out)
    #expect(file.residentPages < file.byteCount / 4096 / 8)
  }

  @Test("only a large head of a file is read in pieces: 64 MiB of Gemma's")
  func resident() {
    func rows(_ rows: Int, _ width: Int, isMapped: Bool = true) -> Int? {
      CPUBackend.residentHeadRows(byteCount: 2 * rows * width, rows: rows, isMapped: isMapped)
    }
    #expect(rows(262_144, 1_152) == 29_120)
    #expect(rows(262_208, 2_560) == 13_056)
    #expect(rows(262_144, 1_152, isMapped: false) == nil)
    #expect(rows(32_000, 4_096) == nil)
    #expect(rows(0, 1_152) == nil)
  }
}
