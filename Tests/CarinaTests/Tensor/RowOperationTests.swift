import TestSupport
import Testing

import Carina

@Suite("Embedding, assembling and selecting rows") struct RowOperationTests {
  @Test("embedding looks up and scales rows", arguments: [ElementType.float32, .bfloat16], [1, 7, 65, 130])
  func embeddingForward(type: ElementType, width: Int) {
    let table = Parameter.random("t", [11, width], seed: 1, type: type, trainable: false)
    let rows = DoubleMatrix(table.value)
    for ids in [[], [10], [3, 0, 3, 10, 7, 3]] {
      for scale: Float in [1, 34] {
        let out = embedding(ids, table, scale: scale, tape: nil)
        #expect(out.shape == [ids.count, width])
        let expected = ids.flatMap { id in (0..<width).map { rows[id, $0] * Double(scale) } }
        expectClose(out.doubles, expected, relative: 1e-7)
      }
    }
  }

  @Test("an id used several times collects all its gradients, scaled")
  func embeddingBackward() {
    let table = Parameter.random("t", [6, 5], seed: 2)
    let ids = [4, 1, 4, 0, 4]
    let tape = Tape()
    let seed = Tensor.random([5, 5], seed: 3)
    tape.backward(from: embedding(ids, table, scale: 3, tape: tape), seed: seed)
    expectGradient(table.gradient, at: table.value.doubles) { values in
      weightedSum(ids.flatMap { id in (0..<5).map { values[id * 5 + $0] * 3 } }, seed.doubles)
    }
    table.setTrainable(false)
    #expect(table.gradient == nil)
    #expect(embedding(ids, table, tape: tape).node == nil)
  }

  @Test("assembled rows stand where they were sent, and gradients go back to their parts")
  func assemble() {
    let tape = Tape()
    let text = tape.watch(Tensor.random([3, 7], seed: 4)), image = tape.watch(Tensor.random([4, 7], seed: 5))
    let still = Tensor.random([1, 7], seed: 6)
    let destinations = [[0, 5, 7], [1, 2, 3, 4], [6]]
    let out = assembleRows(
      [(text, destinations[0]), (image, destinations[1]), (still, destinations[2])], rowCount: 8, tape: tape)
    for (part, rows) in zip([text, image, still], destinations) {
      for (row, destination) in rows.enumerated() {
        #expect(out.rowSlice(destination..<destination + 1).values == part.rowSlice(row..<row + 1).values)
      }
    }
    let seed = Tensor.random([8, 7], seed: 7)
    tape.backward(from: out, seed: seed)
    for (part, rows) in zip([text, image], destinations) {
      #expect(tape.gradient(of: part)?.values == rows.flatMap { seed.rowSlice($0..<$0 + 1).values })
    }
    #expect(assembleRows([(still, [0])], rowCount: 1, tape: tape).node == nil)
  }

  @Test("selected rows come in the order asked for, and the others get a zero gradient")
  func select() {
    let tape = Tape()
    let x = tape.watch(Tensor.random([6, 5], seed: 8))
    let rows = [4, 0, 5]
    let out = selectRows(x, rows, tape: tape)
    #expect(out.values == rows.flatMap { x.rowSlice($0..<$0 + 1).values })
    let seed = Tensor.random([3, 5], seed: 9)
    tape.backward(from: out, seed: seed)
    expectGradient(tape.gradient(of: x), at: x.doubles) { values in
      weightedSum(rows.flatMap { Array(values[$0 * 5..<$0 * 5 + 5]) }, seed.doubles)
    }
    #expect(selectRows(x.detached, [], tape: tape).shape == [0, 5])
  }

  @Test(
    "patches times the flattened kernel are the convolution", arguments: [(15, 5), (17, 5), (12, 4), (9, 3), (7, 7)])
  func patches(size: Int, patch: Int) {
    let images = 2, channels = 3, outputs = 4, grid = size / patch
    let pixels = Tensor.random([images, channels, size, size], seed: 10)
    let kernel = Parameter.random("k", [outputs, channels * patch * patch], seed: 11, trainable: false)
    let rows = extractPatches(pixels, count: images, channels: channels, size: size, patchSize: patch)
    #expect(rows.shape == [images * grid * grid, channels * patch * patch])
    let x = pixels.doubles, w = kernel.value.doubles
    var expected: [Double] = []
    for image in 0..<images {
      for top in stride(from: 0, through: size - patch, by: patch) {
        for left in stride(from: 0, through: size - patch, by: patch) {
          for output in 0..<outputs {
            var sum = 0.0
            for channel in 0..<channels {
              for dy in 0..<patch {
                for dx in 0..<patch {
                  sum +=
                    x[((image * channels + channel) * size + top + dy) * size + left + dx]
                    * w[((output * channels + channel) * patch + dy) * patch + dx]
                }
              }
            }
            expected.append(sum)
          }
        }
      }
    }
    expectClose(linear(rows, kernel, tape: nil).doubles, expected, relative: 3e-6)
  }
}
