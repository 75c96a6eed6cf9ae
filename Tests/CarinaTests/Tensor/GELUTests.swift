import Foundation
import TestSupport
import Testing

import Carina

/// GELU by its definition.
func geluTwin(_ x: Double, _ kind: GELUKind) -> Double {
  switch kind {
  case .exact: return 0.5 * x * erfc(-x / 2.0.squareRoot())
  case .tanhApproximation: return 0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
  }
}

@Suite("GELU") struct GELUTests {
  private static let kinds = [GELUKind.exact, .tanhApproximation]

  /// Dense around zero, where both forms bend, and out to where they are flat.
  private var points: Tensor {
    var values = (-60_000...60_000).map { Float($0) / 4000 }
    values += [0, -0.0, 1e-30, -1e-30, 40, -40, 1e4, -1e4, 3e37, -3e37, Float.leastNonzeroMagnitude]
    return Tensor(values, shape: [values.count])
  }

  @Test("is within 2e-7 · max(1, |x|) of the definition", arguments: kinds)
  func forward(kind: GELUKind) {
    let x = points
    let out = gelu(x, kind: kind, tape: nil).doubles
    let worst = zip(x.doubles, out).map { x, y in (x, abs(y - geluTwin(x, kind)) / max(1, abs(x))) }
      .max { $0.1 < $1.1 }
    #expect(out.allSatisfy { !$0.isNaN })
    #expect((worst?.1 ?? 1) <= 2e-7, "at \(worst?.0 ?? 0)")
  }

  @Test("a NaN stays one", arguments: kinds)
  func nan(kind: GELUKind) {
    #expect(gelu(Tensor([.nan], shape: [1]), kind: kind, tape: nil).values[0].isNaN)
  }

  @Test("its gradient is the slope within 1e-6", arguments: kinds)
  func slopes(kind: GELUKind) {
    let tape = Tape()
    let x = tape.watch(Tensor((-900...900).map { Float($0) / 100 }, shape: [1801]))
    let seed = Tensor([Float](repeating: 1, count: 1801), shape: [1801])
    tape.backward(from: gelu(x, kind: kind, tape: tape), seed: seed)
    let h = 1e-4
    let slopes = x.doubles.map { (geluTwin($0 + h, kind) - geluTwin($0 - h, kind)) / (2 * h) }
    expectClose(tape.gradient(of: x)?.doubles ?? [], slopes, relative: 0, absolute: 1e-6)
  }

  @Test("the slope is 0 and 1 far out, not NaN", arguments: kinds)
  func farSlopes(kind: GELUKind) {
    let tape = Tape()
    let x = tape.watch(Tensor([-1e4, -100, -30, 30, 100, 1e4], shape: [6]))
    tape.backward(from: gelu(x, kind: kind, tape: tape), seed: Tensor([1, 1, 1, 1, 1, 1], shape: [6]))
    #expect(tape.gradient(of: x)?.values == [0, 0, 0, 1, 1, 1])
  }

  @Test("the gated form is gelu(gate) · up, and its gradients are the slopes", arguments: [1, 7, 65, 130])
  func gated(width: Int) {
    let tape = Tape()
    let gate = tape.watch(Tensor.random([3, width], seed: 1, in: -4..<4))
    let up = tape.watch(Tensor.random([3, width], seed: 2, in: -2..<2))
    let seed = Tensor.random([3, width], seed: 3)
    let out = gatedGELU(gate: gate, up: up, tape: tape)
    func twin(_ gate: [Double], _ up: [Double]) -> [Double] {
      zip(gate, up).map { geluTwin($0, .tanhApproximation) * $1 }
    }
    let (g, u) = (gate.doubles, up.doubles)
    expectClose(out.doubles, twin(g, u), relative: 1e-6, absolute: 1e-6)
    tape.backward(from: out, seed: seed)
    expectGradient(tape.gradient(of: gate), at: g, elements: 60, "gate") { weightedSum(twin($0, u), seed.doubles) }
    expectGradient(tape.gradient(of: up), at: u, elements: 60, "up") { weightedSum(twin(g, $0), seed.doubles) }
  }

  @Test("only the half that needs a gradient gets one")
  func half() {
    let tape = Tape()
    let gate = Tensor.random([2, 5], seed: 4), up = tape.watch(Tensor.random([2, 5], seed: 5))
    tape.backward(from: gatedGELU(gate: gate, up: up, tape: tape), seed: Tensor.random([2, 5], seed: 6))
    #expect(tape.gradient(of: up) != nil)
    #expect(gatedGELU(gate: gate, up: up.detached, tape: tape).node == nil)
    #expect(gelu(gate, kind: .exact, tape: tape).node == nil)
  }

  @Test("the digits do not depend on the number of threads", arguments: kinds)
  func threads(kind: GELUKind) {
    let x = Tensor.random([70_001], seed: 7, in: -5..<5)
    let one = withThreads(1) { gelu(x, kind: kind, tape: nil) }
    for threads in [2, 3] { expectSameBits(withThreads(threads) { gelu(x, kind: kind, tape: nil) }, one) }
  }
}
