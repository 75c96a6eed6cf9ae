import TestSupport
import Testing

import Carina

@Suite("Matrix product") struct MatrixProductTests {
  /// One product to try: sizes, which factors are stored transposed, gaps between stored rows, and whether it adds.
  private struct Case {
    let m: Int, n: Int, k: Int
    let isATransposed: Bool, isBTransposed: Bool, accumulate: Bool
    let gap: Int
  }

  private static let sizes = [
    (1, 1, 1), (1, 7, 33), (7, 1, 65), (33, 65, 1), (7, 33, 65), (65, 130, 33), (130, 65, 130), (1, 1000, 300),
    (400, 3, 260), (0, 7, 3), (7, 0, 3), (3, 4, 0), (257, 129, 65),
  ]

  private static var cases: [Case] {
    sizes.flatMap { m, n, k in
      [false, true].flatMap { a in
        [false, true].flatMap { b in
          [false, true].map { Case(m: m, n: n, k: k, isATransposed: a, isBTransposed: b, accumulate: $0, gap: 0) }
            + [Case(m: m, n: n, k: k, isATransposed: a, isBTransposed: b, accumulate: true, gap: 5)]
        }
      }
    }
  }

  /// A factor [rows, columns] stored with `gap` foreign elements after each row, and the same in double precision.
  private func factor(
    rows: Int, columns: Int, isTransposed: Bool, gap: Int, type: ElementType, seed: UInt64
  ) -> (operand: MatrixOperand, twin: DoubleMatrix, keeper: Tensor) {
    let storedRows = isTransposed ? columns : rows, storedColumns = isTransposed ? rows : columns
    let stride = storedColumns + gap
    let memory = Tensor.random([max(storedRows, 1), max(stride, 1)], seed: seed).converted(to: type)
    let all = memory.doubles
    let stored = DoubleMatrix(
      (0..<storedRows).flatMap { row in (0..<storedColumns).map { all[row * stride + $0] } }, rows: storedRows,
      columns: storedColumns)
    let operand = MatrixOperand(
      pointer: memory.pointer, elementType: type, rows: storedRows, columns: storedColumns, stride: stride)
    return (isTransposed ? operand.transposed : operand, isTransposed ? stored.transposed : stored, memory)
  }

  private func check(_ provider: MatrixProductProvider, _ type: ElementType, _ item: Case) {
    let a = factor(
      rows: item.m, columns: item.k, isTransposed: item.isATransposed, gap: item.gap, type: type, seed: 1)
    let b = factor(
      rows: item.k, columns: item.n, isTransposed: item.isBTransposed, gap: item.gap, type: type, seed: 2)
    let stride = item.n + item.gap
    let target = Tensor.random([item.m, stride], seed: 3)
    var expected = target.doubles
    let product = a.twin * b.twin
    for row in 0..<item.m {
      for column in 0..<item.n {
        expected[row * stride + column] =
          product[row, column] + (item.accumulate ? expected[row * stride + column] : 0)
      }
    }
    if item.m > 0, item.n > 0 {
      if item.k > 0 {
        provider.multiply(
          a.operand, b.operand, into: target.floats, cStride: stride, accumulate: item.accumulate)
      } else {
        TestBackend.cpu.multiply(
          a.operand, b.operand, into: target.floats, cStride: stride, accumulate: item.accumulate)
      }
    }
    // Elements between the rows of c are expected unchanged: they are part of `expected` as they were.
    expectClose(
      target.doubles, expected, relative: 2e-6, absolute: 1e-6,
      "\(provider.name) \(type) \(item.m)×\(item.k)×\(item.n) \(item.isATransposed) \(item.isBTransposed) gap \(item.gap)"
    )
    withExtendedLifetime((a.keeper, b.keeper)) {}
  }

  @Test(
    "products agree with plain loops for every form, stride and size",
    arguments: MatrixProductChoice.available, [ElementType.float32, .bfloat16])
  func agree(choice: MatrixProductChoice, type: ElementType) throws {
    let provider = try CPUBackend(choice).products
    for item in MatrixProductTests.cases { check(provider, type, item) }
  }

  @Test("a weight may begin at any even byte, as in a mapped file", arguments: MatrixProductChoice.available)
  func unaligned(choice: MatrixProductChoice) throws {
    let provider = try CPUBackend(choice).products
    let a = Tensor.random([33, 130], seed: 4).converted(to: .bfloat16)
    let b = Tensor.random([65, 130], seed: 5).converted(to: .bfloat16)
    let storage = Storage(byteCount: b.count * 2 + 64)
    for offset in [2, 6, 34] {
      let moved = Tensor(shape: b.shape, elementType: .bfloat16, storage: storage, byteOffset: offset)
      moved.pointer.copyMemory(from: b.pointer, byteCount: b.count * 2)
      let target = Tensor(zeros: [33, 65])
      provider.multiply(
        MatrixOperand(a, rows: 33, columns: 130), MatrixOperand(moved, rows: 65, columns: 130).transposed,
        into: target.floats, cStride: 65, accumulate: false)
      expectClose(target.doubles, (DoubleMatrix(a) * DoubleMatrix(b).transposed).values, relative: 2e-6)
    }
  }

  @Test("an inner length of zero gives zeros, or leaves what is added to", arguments: [false, true])
  func emptyInner(accumulate: Bool) {
    let target = Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3])
    let empty = Tensor(zeros: [1])
    let a = MatrixOperand(pointer: empty.pointer, elementType: .float32, rows: 2, columns: 0, stride: 1)
    let b = MatrixOperand(pointer: empty.pointer, elementType: .float32, rows: 0, columns: 3, stride: 3)
    TestBackend.cpu.multiply(a, b, into: target.floats, accumulate: accumulate)
    #expect(target.values == (accumulate ? [1, 2, 3, 4, 5, 6] : [0, 0, 0, 0, 0, 0]))
  }

  @Test("several threads may multiply at once")
  func concurrent() throws {
    let provider = try CPUBackend(.onednn).products
    let a = Tensor.random([70, 90], seed: 6), b = Tensor.random([90, 110], seed: 7)
    let expected = (DoubleMatrix(a) * DoubleMatrix(b)).values
    let results = (0..<8).map { _ in Tensor(zeros: [70, 110]) }
    ThreadTeam.run(taskCount: 8) { index in
      provider.multiply(
        MatrixOperand(a, rows: 70, columns: 90), MatrixOperand(b, rows: 90, columns: 110),
        into: results[index].floats, cStride: 110, accumulate: false)
    }
    for result in results { expectClose(result.doubles, expected, relative: 2e-6) }
  }
}
