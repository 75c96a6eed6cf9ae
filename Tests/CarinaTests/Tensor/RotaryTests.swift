import Foundation
import TestSupport
import Testing

import Carina

/// Rotation of the pairs (i, i + E/2) of each head by position · base^(−2i/E) / scale.
private func rotaryTwin(
  _ x: [Double], positions: [Int32], heads: Int, size: Int, base: Double, scale: Double = 1
) -> [Double] {
  var out = x
  for (row, position) in positions.enumerated() {
    for head in 0..<heads {
      let start = (row * heads + head) * size
      for i in 0..<size / 2 {
        let angle = Double(position) / scale * pow(base, -2 * Double(i) / Double(size))
        let (a, b) = (x[start + i], x[start + size / 2 + i])
        out[start + i] = a * cos(angle) - b * sin(angle)
        out[start + size / 2 + i] = b * cos(angle) + a * sin(angle)
      }
    }
  }
  return out
}

@Suite("Rotary embedding") struct RotaryTests {
  @Test("agrees with the rotation by its definition", arguments: [2, 6, 34, 256], [10_000.0, 1_000_000.0])
  func forward(size: Int, base: Double) {
    for (rows, heads, scale) in [(1, 1, 1.0), (7, 3, 1.0), (65, 2, 8.0), (130, 1, 1.0), (0, 1, 1.0)] {
      var generator = SeededGenerator(seed: 1, stream: "positions")
      let positions = (0..<rows).map { _ in Int32(generator.integer(below: 140)) }
      let table = RotaryTable(headSize: size, base: base, positionCount: 140, scale: scale)
      let x = Tensor.random([rows, heads * size], seed: 2)
      let out = rotaryEmbedding(x, table: table, positions: positions, tape: nil)
      let expected = rotaryTwin(x.doubles, positions: positions, heads: heads, size: size, base: base, scale: scale)
      // Angles are kept in fp32, as the reference keeps them: 139 of them has an error of 8e-6.
      expectClose(out.doubles, expected, relative: 2e-5)
    }
  }

  @Test("position 0 changes nothing, and the length of every pair stays")
  func invariants() {
    let table = RotaryTable(headSize: 8, base: 100, positionCount: 50)
    let x = Tensor.random([3, 16], seed: 3)
    expectSameBits(rotaryEmbedding(x, table: table, positions: [0, 0, 0], tape: nil), x)
    let out = rotaryEmbedding(x, table: table, positions: [5, 49, 17], tape: nil)
    func lengths(_ values: [Double]) -> [Double] {
      (0..<24).map { pair in
        let start = pair / 4 * 8 + pair % 4
        return hypot(values[start], values[start + 4])
      }
    }
    expectClose(lengths(out.doubles), lengths(x.doubles), relative: 1e-6)
  }

  @Test("the gradient is the slope")
  func slopes() {
    let table = RotaryTable(headSize: 6, base: 300, positionCount: 40)
    let positions: [Int32] = [0, 3, 39, 3, 12, 1, 2]
    let tape = Tape()
    let x = tape.watch(Tensor.random([7, 18], seed: 4))
    let seed = Tensor.random([7, 18], seed: 5)
    tape.backward(from: rotaryEmbedding(x, table: table, positions: positions, tape: tape), seed: seed)
    expectGradient(tape.gradient(of: x), at: x.doubles) {
      weightedSum(rotaryTwin($0, positions: positions, heads: 3, size: 6, base: 300), seed.doubles)
    }
    #expect(rotaryEmbedding(x.detached, table: table, positions: positions, tape: tape).node == nil)
  }
}
