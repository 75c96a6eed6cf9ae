import TestSupport
import Testing

import Carina

@Suite("Product of few rows") struct FewRowsProductTests {
  private struct Case {
    let rows: Int, inputs: Int, outputs: Int, gap: Int
  }

  private static let sizes = [
    (1, 1), (7, 3), (15, 5), (16, 1), (17, 130), (31, 2), (33, 7), (63, 4), (64, 65), (65, 3), (130, 129), (1152, 33),
  ]

  private static var cases: [Case] {
    (1...FewRowsProduct.mostRows).flatMap { rows in
      sizes.flatMap { inputs, outputs in
        [0, 3].map { Case(rows: rows, inputs: inputs, outputs: outputs, gap: $0) }
      }
    }
  }

  /// Weights [outputs, inputs] with `gap` foreign elements after each row, beginning `offset` bytes into their memory.
  private func weights(
    _ item: Case, _ type: ElementType, offset: Int = 0
  ) -> (operand: MatrixOperand, twin: DoubleMatrix, keeper: Storage) {
    let stride = item.inputs + item.gap
    let memory = Tensor.random([item.outputs, stride], seed: 2).converted(to: type)
    let storage = Storage(byteCount: memory.count * type.byteCount + 64)
    (storage.pointer + offset).copyMemory(from: memory.pointer, byteCount: memory.count * type.byteCount)
    let all = memory.doubles
    let twin = DoubleMatrix(
      (0..<item.outputs).flatMap { row in (0..<item.inputs).map { all[row * stride + $0] } }, rows: item.outputs,
      columns: item.inputs)
    let operand = MatrixOperand(
      pointer: storage.pointer + offset, elementType: type, rows: item.outputs, columns: item.inputs, stride: stride)
    return (operand.transposed, twin, storage)
  }

  @Test(
    "agrees with plain loops for every number of rows, length and stride",
    arguments: [(ElementType.float32, false), (.bfloat16, false), (.bfloat16, true)])
  func agree(type: ElementType, byPairs: Bool) {
    for item in FewRowsProductTests.cases {
      let x = Tensor.random([item.rows, item.inputs + item.gap], seed: 1).converted(to: type)
      let a = MatrixOperand(
        pointer: x.pointer, elementType: type, rows: item.rows, columns: item.inputs, stride: item.inputs + item.gap)
      let (b, twin, keeper) = weights(item, type, offset: type == .bfloat16 ? 6 : 4)
      let rows = DoubleMatrix(
        (0..<item.rows).flatMap { row in (0..<item.inputs).map { x.doubles[row * x.width + $0] } }, rows: item.rows,
        columns: item.inputs)
      let stride = item.outputs + item.gap
      let target = Tensor.random([item.rows, stride], seed: 3)
      var expected = target.doubles
      let product = rows * twin.transposed
      for row in 0..<item.rows {
        for column in 0..<item.outputs { expected[row * stride + column] = product[row, column] }
      }
      FewRowsProduct.multiply(a, b, into: target.floats, cStride: stride, byPairs: byPairs)
      expectClose(target.doubles, expected, relative: 2e-6, absolute: 1e-6, "\(item) \(type)")
      withExtendedLifetime(keeper) {}
    }
  }

  @Test("the digits do not depend on the number of threads", arguments: [ElementType.float32, .bfloat16])
  func threads(type: ElementType) {
    let x = Tensor.random([3, 300], seed: 4).converted(to: type)
    let weight = Tensor.random([2000, 300], seed: 5).converted(to: type)
    func product() -> Tensor {
      let out = Tensor(uninitialized: [3, 2000])
      FewRowsProduct.multiply(
        MatrixOperand(x, rows: 3, columns: 300), MatrixOperand(weight, rows: 2000, columns: 300).transposed,
        into: out.floats, cStride: 2000)
      return out
    }
    let alone = withThreads(1, product)
    for count in [2, 3, 5] { expectSameBits(withThreads(count, product), alone, "\(count) threads") }
  }

  @Test("a row gives the same digits beside others of its kind as in the library's product, to rounding")
  func againstLibrary() throws {
    let provider = try CPUBackend(.onednn).products
    let weight = Parameter.random("w", [700, 520], seed: 6, type: .bfloat16)
    for rows in 1...FewRowsProduct.mostRows {
      let x = Tensor.random([rows, 520], seed: 7), narrow = x.converted(to: .bfloat16)
      let expected = Tensor(uninitialized: [rows, 700])
      provider.multiply(
        MatrixOperand(narrow, rows: rows, columns: 520),
        MatrixOperand(weight.value, rows: 700, columns: 520).transposed, into: expected.floats, cStride: 700,
        accumulate: false)
      withExtendedLifetime(narrow) {}
      expectClose(linear(x, weight, tape: nil), expected, relative: 2e-6)
    }
  }

  @Test("values that are no numbers reach the output")
  func nonFinite() {
    let weight = Tensor.random([5, 70], seed: 8).converted(to: .bfloat16)
    var values = Tensor.random([1, 70], seed: 9).values
    values[69] = .nan
    let out = Tensor(uninitialized: [1, 5])
    FewRowsProduct.multiply(
      MatrixOperand(Tensor(values, shape: [1, 70]).converted(to: .bfloat16), rows: 1, columns: 70),
      MatrixOperand(weight, rows: 5, columns: 70).transposed, into: out.floats, cStride: 5)
    #expect(out.values.allSatisfy { $0.isNaN })
  }
}
