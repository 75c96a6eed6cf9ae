import TestSupport
import Testing

import Carina

@Suite("Matrix in 8 bits") struct QuantizedMatrixTests {
  private static let sizes = [(1, 1), (7, 3), (5, 17), (130, 65), (33, 130), (3, 1152), (300, 520)]

  @Test("each weight is within half a step of its own, with steps of a 127th of its row's largest", arguments: sizes)
  func rounding(size: (rows: Int, columns: Int)) {
    let matrix = Tensor.random([size.rows, size.columns], seed: 1).converted(to: .bfloat16)
    let found = QuantizedMatrix(matrix).dequantized(0..<size.rows).values, wanted = matrix.values
    for row in 0..<size.rows {
      let range = row * size.columns..<(row + 1) * size.columns
      let largest = wanted[range].map(abs).max() ?? 0
      // Half a step, and the rounding of the value itself back to bfloat16.
      for index in range { #expect(abs(found[index] - wanted[index]) <= largest * (0.5 / 127 + 0x1p-8)) }
    }
  }

  @Test("products of few rows and of many are those of the rounded weights", arguments: sizes)
  func products(size: (rows: Int, columns: Int)) {
    let matrix = Tensor.random([size.rows, size.columns], seed: 2).converted(to: .bfloat16)
    let rounded = QuantizedMatrix(matrix)
    // Products with unit rows read the rounded weights out, a column at a time.
    let columns = (0..<size.columns).map { column -> [Double] in
      let unit = Tensor((0..<size.columns).map { $0 == column ? 1 : 0 }, shape: [1, size.columns])
      return rounded.product(unit).doubles
    }
    let twin = DoubleMatrix(columns.flatMap { $0 }, rows: size.columns, columns: size.rows)
    expectClose(twin.transposed.values, rounded.dequantized(0..<size.rows).doubles, relative: 0x1p-8)
    for count in [1, 2, 3, 4, 9] {
      let x = Tensor.random([count, size.columns], seed: UInt64(count))
      let expected = DoubleMatrix(x.doubles, rows: count, columns: size.columns) * twin
      for byBytes in [true, false] {
        let found = rounded.product(x, byBytes: byBytes)
        #expect(found.shape == [count, size.rows])
        let many = count > 4
        expectClose(
          found.doubles, expected.values, relative: many ? 1.5e-2 : 1e-4, absolute: 1e-6, "\(count) rows of \(size)")
      }
    }
  }

  @Test("the digits do not depend on the number of threads")
  func threads() {
    let rounded = QuantizedMatrix(Tensor.random([4000, 300], seed: 3))
    let x = Tensor.random([2, 300], seed: 4)
    let alone = withThreads(1) { rounded.product(x) }
    for count in [2, 3] { expectSameBits(withThreads(count) { rounded.product(x) }, alone, "\(count) threads") }
  }

  @Test("a linear map uses the 8 bits off the tape only, and forgets them when trained")
  func inLinear() {
    let weight = Parameter.random("w", [40, 30], seed: 5, type: .bfloat16, trainable: false)
    let x = Tensor.random([2, 30], seed: 6)
    let full = linear(x, weight, tape: nil)
    weight.quantize()
    let narrow = linear(x, weight, tape: nil)
    #expect(narrow.values != full.values)
    expectClose(narrow, full, relative: 2e-2)
    expectSameBits(linear(x, weight, tape: Tape()), full)
    weight.setTrainable(true)
    #expect(weight.quantized == nil)
  }
}
