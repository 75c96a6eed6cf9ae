import Foundation
import Testing

import Carina

@Suite("Candidate tokens") struct CandidateTokensTests {
  private func candidates(
    _ logits: [Float], temperature: Double = 1, topK: Int? = nil, topP: Double? = nil
  ) -> CandidateTokens {
    logits.withUnsafeBufferPointer { CandidateTokens($0, temperature: temperature, topK: topK, topP: topP) }
  }

  @Test("temperature, top-k and top-p leave the distribution of transformers' warpers")
  func warpers() throws {
    let golden = try JSONValue.parseFile(ParityGolden.path("generation/warpers.json"))
    let logits = try #require(golden["logits"]?.array).compactMap { $0.double.map(Float.init) }
    let cases = try #require(golden["cases"]?.array)
    #expect(cases.count == 11)
    for (number, fact) in cases.enumerated() {
      let found = candidates(
        logits, temperature: try #require(fact["temperature"]?.double), topK: fact["top_k"]?.int,
        topP: fact["top_p"]?.double)
      let total = found.weights.reduce(0, +)
      var probabilities = [Double](repeating: 0, count: logits.count)
      for (token, weight) in zip(found.tokens, found.weights) { probabilities[token] = weight / total }
      let expected = try #require(fact["probabilities"]?.array).compactMap(\.double)
      for (token, (mine, theirs)) in zip(probabilities, expected).enumerated() {
        #expect(abs(mine - theirs) < 1e-9, "token \(token) of case \(number)")
      }
    }
  }

  @Test("draws come as often as their weights say")
  func draws() {
    let found = candidates([0, 1, -.infinity, 2, 0.5])
    var generator = SeededGenerator(seed: 4, stream: "draws")
    var counts = [Int: Double]()
    for _ in 0..<40_000 { counts[found.draw(&generator), default: 0] += 1 }
    #expect(counts[2] == nil)
    let total = found.weights.reduce(0, +)
    for (token, weight) in zip(found.tokens, found.weights) {
      #expect(abs((counts[token] ?? 0) / 40_000 - weight / total) < 0.01)
    }
  }

  @Test("the largest of many values, also where they are equal, infinite or no numbers")
  func ranking() {
    func largest(_ values: [Float]) -> Int { values.withUnsafeBufferPointer { TokenRanking.largest($0) } }
    func top(_ count: Int, _ values: [Float]) -> [Int] {
      values.withUnsafeBufferPointer { TokenRanking.largest(count, of: $0) }
    }
    #expect(largest([3]) == 0)
    #expect(largest([1, 5, 5, 2]) == 1)
    #expect(largest([.nan, 1, .nan, 2]) == 3)
    #expect(largest([-.infinity, -.infinity]) == 0)
    #expect(top(3, [1, 5, 5, 2, 7]) == [4, 1, 2])
    #expect(top(9, [1, 5, 5]) == [1, 2, 0])
    #expect(top(2, [-.infinity, -.infinity, -.infinity]) == [0, 1])
    #expect(top(0, [1]) == [])
    var generator = SeededGenerator(seed: 2, stream: "values")
    for count in [15, 16, 17, 31, 33, 1000] {
      let values = (0..<count).map { _ in Float(generator.integer(below: 50)) }
      let sorted = values.indices.sorted { (values[$0], $1) > (values[$1], $0) }
      #expect(largest(values) == sorted[0])
      for wanted in [1, 7, count] { #expect(top(wanted, values) == Array(sorted.prefix(wanted))) }
    }
  }

  @Test("the largest of 262,144 logits is found no slower than an element at a time, and is the first of equals")
  func speed() {
    let values = (0..<262_144).map { Float($0 % 977) }
    func fastest(_ find: (UnsafeBufferPointer<Float>) -> Int) -> Double {
      values.withUnsafeBufferPointer { values in
        (0..<20).map { _ in
          let started = ProcessInfo.processInfo.systemUptime
          #expect(find(values) == 976)
          return ProcessInfo.processInfo.systemUptime - started
        }.min() ?? 0
      }
    }
    let plain = fastest { values in
      var best = 0
      for index in 1..<values.count where values[index] > values[best] { best = index }
      return best
    }
    let found = fastest { TokenRanking.largest($0) }
    // Without the optimizer vectors are slower than elements.
    #if !DEBUG
      #expect(found <= 2 * plain)
    #endif
  }

  @Test("values that cannot be used, or would have no effect, are refused by the name of their option")
  func options() throws {
    func refused(_ change: (inout GenerationOptions) -> Void) -> String? {
      var options = GenerationOptions()
      change(&options)
      do { try options.validate() } catch { return "\(error)" }
      return nil
    }
    #expect(refused { _ in } == nil)
    #expect(refused { ($0.temperature, $0.topK, $0.topP) = (1, 5, 1) } == nil)
    #expect(refused { ($0.beamCount, $0.lengthPenalty) = (3, -1) } == nil)
    let wrong: [(String, (inout GenerationOptions) -> Void)] = [
      ("max_new_tokens", { $0.maximumNewTokens = 0 }), ("num_beams", { $0.beamCount = 0 }),
      ("max_new_tokens", { $0.maximumNewTokens = .max }), ("num_beams", { $0.beamCount = .max }),
      ("num_beams", { ($0.beamCount, $0.temperature) = (2, 1) }), ("temperature", { $0.temperature = -1 }),
      ("temperature", { $0.temperature = .infinity }), ("top_k", { ($0.temperature, $0.topK) = (1, 0) }),
      ("top_k", { $0.topK = 5 }), ("top_p", { $0.topP = 0.5 }),
      ("top_p", { ($0.temperature, $0.topP) = (1, 0) }), ("top_p", { ($0.temperature, $0.topP) = (1, 1.1) }),
      ("repetition_penalty", { $0.repetitionPenalty = 0 }), ("length_penalty", { $0.lengthPenalty = 2 }),
      ("length_penalty", { ($0.beamCount, $0.lengthPenalty) = (2, .nan) }),
    ]
    for (option, change) in wrong { #expect(refused(change)?.hasPrefix(option) == true, "\(option)") }
  }
}
