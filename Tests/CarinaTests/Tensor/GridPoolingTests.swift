import TestSupport
import Testing

import Carina

@Suite("Grid pooling and the untransposed product") struct GridPoolingTests {
  /// Averages by their definition, in double precision.
  private func twin(_ x: [Double], grid: Int, outputs: Int, width: Int) -> [Double] {
    let block = grid / outputs, images = x.count / (grid * grid * width)
    var out: [Double] = []
    for image in 0..<images {
      for row in 0..<outputs {
        for column in 0..<outputs {
          for channel in 0..<width {
            var sum = 0.0
            for y in 0..<block {
              for z in 0..<block {
                let patch = image * grid * grid + (row * block + y) * grid + column * block + z
                sum += x[patch * width + channel]
              }
            }
            out.append(sum / Double(block * block))
          }
        }
      }
    }
    return out
  }

  @Test("averages and their gradients are those of the definition", arguments: [(4, 2), (6, 2), (3, 3), (5, 1)])
  func pooling(grid: Int, outputs: Int) {
    let x = Tensor.random([2 * grid * grid, 3], seed: 1), tape = Tape()
    let watched = tape.watch(x)
    let out = averagePooling(watched, grid: grid, outputs: outputs, tape: tape)
    #expect(out.shape == [2 * outputs * outputs, 3])
    expectClose(out.doubles, twin(x.doubles, grid: grid, outputs: outputs, width: 3), relative: 1e-6)
    let seed = Tensor.random(out.shape, seed: 2)
    tape.backward(from: out, seed: seed)
    expectGradient(tape.gradient(of: watched), at: x.doubles, elements: 40, "rows") {
      weightedSum(twin($0, grid: grid, outputs: outputs, width: 3), seed.doubles)
    }
  }

  @Test("the product reads its weight as it is stored, and gives both gradients")
  func matrix() throws {
    let x = Tensor.random([5, 4], seed: 3), values = Tensor.random([4, 7], seed: 4)
    let weight = Parameter(name: "w", value: values, decays: true)
    [weight].train()
    func twin(_ x: [Double], _ w: [Double]) -> [Double] {
      var out = [Double](repeating: 0, count: 35)
      for row in 0..<5 {
        for column in 0..<7 {
          for inner in 0..<4 { out[row * 7 + column] += x[row * 4 + inner] * w[inner * 7 + column] }
        }
      }
      return out
    }
    let tape = Tape(), watched = tape.watch(x)
    let out = product(watched, weight, tape: tape)
    expectClose(out.doubles, twin(x.doubles, values.doubles), relative: 1e-6)
    let seed = Tensor.random(out.shape, seed: 5)
    tape.backward(from: out, seed: seed)
    expectGradient(tape.gradient(of: watched), at: x.doubles, elements: 20, "rows") {
      weightedSum(twin($0, values.doubles), seed.doubles)
    }
    expectGradient(weight.gradient, at: values.doubles, elements: 28, "weight") {
      weightedSum(twin(x.doubles, $0), seed.doubles)
    }
  }
}
