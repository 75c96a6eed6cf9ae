import Foundation
import TestSupport
import Testing

import Carina

/// A decoder's matrices in 8 bits, kept in a file.
@Suite("Kept 8-bit weights") struct QuantizedWeightsFileTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private var path: String { directory.file("int8-weights.bin") }

  private func parameters(seed: UInt64, _ shapes: [[Int]] = [[70, 33], [5, 130], [300, 8]]) -> [Parameter] {
    shapes.enumerated().map { index, shape in
      let value = Tensor.random(shape, seed: seed + UInt64(index)).converted(to: .bfloat16)
      return Parameter(name: "layer.\(index).weight", value: value, decays: true)
    }
  }

  private func products(_ parameters: [Parameter]) throws -> [Tensor] {
    try parameters.map { parameter in
      let quantized = try #require(parameter.quantized)
      return quantized.product(Tensor.random([2, parameter.matrix.width], seed: 9))
    }
  }

  private func bytes() throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

  @Test("made once, then mapped with the digits of rounding in memory, whatever the parameters hold")
  func keeps() throws {
    let fresh = parameters(seed: 1)
    for parameter in fresh { parameter.quantize() }
    let expected = try products(fresh)
    let first = parameters(seed: 1)
    #expect(try QuantizedWeightsFile(path, weights: "abc").use(for: first) == .written(because: nil))
    for (found, wanted) in zip(try products(first), expected) { expectSameBits(found, wanted) }
    #expect(first.allSatisfy { $0.quantized?.storage.isBorrowed == true })
    let content = try bytes()
    // Other numbers under the same fingerprint: what is mapped was not rounded again.
    let second = parameters(seed: 50)
    #expect(try QuantizedWeightsFile(path, weights: "abc").use(for: second) == .mapped)
    for (found, wanted) in zip(try products(second), expected) { expectSameBits(found, wanted) }
    #expect(try bytes() == content)
  }

  @Test("what is stale or damaged is made again, and the reason told")
  func again() throws {
    let expected = parameters(seed: 1)
    _ = try QuantizedWeightsFile(path, weights: "abc").use(for: expected)
    let whole = try bytes(), wanted = try products(expected)
    func remade(_ content: Data, _ reason: String, weights: String = "abc") throws {
      try content.write(to: URL(fileURLWithPath: path))
      let found = parameters(seed: 1)
      let outcome = try QuantizedWeightsFile(path, weights: weights).use(for: found)
      guard case .written(let because?) = outcome else {
        Issue.record("\(reason): \(outcome)")
        return
      }
      #expect(because.contains(reason), "\(because)")
      for (one, two) in zip(try products(found), wanted) { expectSameBits(one, two, reason) }
      #expect((try bytes() == whole) == (weights == "abc"))
    }
    try remade(Data(), "empty")
    try remade(whole.prefix(whole.count / 2), "ends early")
    try remade(whole.prefix(20), "ends early")
    try remade(whole, "other weights", weights: "def")
    var text = whole
    // A digit of the header, a weight of the first matrix, a byte of the last one's errors.
    let damages = [
      (60, "kind or version"), (4096 + 7, "layer.0.weight is damaged"), (whole.count - 60, "layer.2.weight"),
    ]
    for (position, reason) in damages {
      text = whole
      text[position] ^= 1
      try remade(text, reason)
    }
    _ = try QuantizedWeightsFile(path, weights: "abc").use(for: parameters(seed: 1, [[70, 33], [5, 130], [8, 300]]))
    try remade(bytes(), "other matrices")
  }

  @Test("a file of another kind is refused and stays as it is")
  func foreign() throws {
    for content in [Data([1, 2, 3]), Data(repeating: 0xff, count: 100), Data("[{\"image\": \"a.png\"}]".utf8)] {
      try content.write(to: URL(fileURLWithPath: path))
      let error = thrownCarinaError {
        try QuantizedWeightsFile(path, weights: "abc").use(for: parameters(seed: 1))
      }
      #expect(error?.kind == .badData && error?.what.contains("left as it is") == true)
      #expect(try bytes() == content)
    }
  }

  @Test("a directory is refused, and what cannot be written leaves nothing behind")
  func refused() throws {
    let isDirectory = thrownCarinaError {
      try QuantizedWeightsFile(directory.path, weights: "abc").use(for: parameters(seed: 1))
    }
    #expect(isDirectory?.kind == .usage)
    try Data([0]).write(to: URL(fileURLWithPath: directory.file("file")))
    let unwritable = thrownCarinaError {
      try QuantizedWeightsFile(directory.file("file/int8.bin"), weights: "abc").use(for: parameters(seed: 1))
    }
    #expect(unwritable?.kind == .cannotWrite)
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["file"])
  }

  @Test("a model answers with mapped weights as with those rounded in memory")
  func answers() throws {
    let checkpoint = try ParityGolden.path("gemma3/infer")
    func tokens(keptIn path: String?) throws -> (tokens: [Int], note: String?) {
      let answering = try AnsweringModel.load(checkpoint: checkpoint, precision: .bfloat16)
      let note = try answering.quantizeWeights(keptIn: path)
      var options = GenerationOptions()
      options.maximumNewTokens = 12
      let answer = try AnswerSession(answering, options: options).answer(
        ImageQuestion(imagePath: checkpoint + "/image.png", question: "Is there an effusion?"))
      return (answer.answer.tokens, note)
    }
    let plain = try tokens(keptIn: nil), made = try tokens(keptIn: path), mapped = try tokens(keptIn: path)
    #expect(plain.tokens == made.tokens && plain.tokens == mapped.tokens)
    #expect(plain.note == nil && made.note?.contains(path) == true && mapped.note == nil)
    let inside = thrownCarinaError { try tokens(keptIn: checkpoint + "/int8.bin") }
    #expect(inside?.kind == .usage)
  }
}
