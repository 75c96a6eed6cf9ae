import Foundation
import Testing

import Carina

/// One directory of Goldens: a tiny random model in Hugging Face layout and what PyTorch computes with it
/// (Tests/Reference/make_model_goldens.py says what each name holds).
struct ParityGolden {
  let path: String
  let facts: JSONValue
  private let tensors: SafetensorsFile

  init(_ name: String, tensorsOf other: String? = nil) throws {
    path = try ParityGolden.path(name)
    facts = try JSONValue.parseFile(try ParityGolden.path(other ?? name) + "/golden.json")
    tensors = try SafetensorsFile(path: ParityGolden.path(other ?? name) + "/golden.safetensors")
  }

  static func path(_ name: String) throws -> String {
    try #require(Bundle.module.url(forResource: "Goldens/\(name)", withExtension: nil)).path
  }

  func tensor(_ name: String) throws -> Tensor { try tensors.tensor(named: name) }

  /// Names of stored tensors that begin so.
  func names(_ prefix: String) -> [String] { tensors.entries.map(\.name).filter { $0.hasPrefix(prefix) } }

  func number(_ name: String) throws -> Double { try #require(facts[name]?.double) }

  func texts(_ name: String) -> Set<String> { Set(facts[name]?.array?.compactMap(\.string) ?? []) }

  /// The sequences that the loss is taken on.
  func sequences() throws -> [ImageTextSequence] {
    try #require(facts["samples"]?.array).map { try ImageTextSequence(golden: $0) }
  }

  /// Greedy continuations: a prompt and the tokens that follow it.
  func continuations() throws -> [(prompt: ImageTextSequence, tokens: [Int])] {
    try #require(facts["generate"]?.array).map { fact in
      let prompt = try ImageTextSequence(golden: fact, ids: #require(fact["prompt"]).integers)
      return (prompt, try #require(fact["tokens"]).integers)
    }
  }
}

extension JSONValue {
  /// The elements of a list of integers.
  var integers: [Int] { array?.compactMap(\.int) ?? [] }
}

extension ImageTextSequence {
  /// A sample of a golden: the first token stands before the image, or alone where there is none.
  init(golden: JSONValue) throws { try self.init(golden: golden, ids: #require(golden["ids"]).integers) }

  init(golden: JSONValue, ids: [Int]) throws {
    let imageIndex = golden["image_at"]?.int ?? 1
    let supervised = golden["supervised"].map { $0.integers.map { $0 == 1 } }
    self.init(
      tokensBefore: Array(ids[..<imageIndex]), image: golden["image"]?.int, tokensAfter: Array(ids[imageIndex...]),
      supervised: supervised.map { Array($0[imageIndex...]) })
  }

  /// All tokens, the image left out.
  var tokens: [Int] { tokensBefore + tokensAfter }
}
