import TestSupport
import Testing

import Carina

/// What a row becomes must not depend on the rows beside it, on how many threads work, or on how the weights lie: batches,
/// kept features and resumed runs rest on it.
@Suite("Rows of a product") struct RowIndependenceTests {
  private static let sizes: [(inputs: Int, outputs: Int)] = [
    (9, 5), (33, 20), (64, 64), (100, 130), (576, 96), (1040, 70), (2080, 33),
  ]
  private static let rows = [1, 2, 3, 5, 7, 8, 12, 15, 16, 17, 31, 32, 33, 60, 64, 100]

  private func product(
    _ backend: CPUBackend, _ x: Tensor, rows: Range<Int>, _ weight: Tensor, isTransposed: Bool
  ) -> [Float] {
    let part = MatrixOperand(x.rowSlice(rows), rows: rows.count, columns: x.width)
    let stored = MatrixOperand(weight, rows: weight.rows, columns: weight.width)
    let factor = isTransposed ? stored.transposed : stored
    let out = Tensor(zeros: [rows.count, isTransposed ? weight.rows : weight.width])
    // The library's own way, past the one of few rows.
    backend.products.multiply(part, factor, into: out.floats, cStride: out.width, accumulate: false)
    return out.values
  }

  @Test(
    "a row has the same bits alone, among others, and with another number of threads",
    arguments: MatrixProductChoice.available.filter { $0 != .openblas }, [ElementType.float32, .bfloat16])
  func alone(choice: MatrixProductChoice, type: ElementType) throws {
    let backend = try CPUBackend(choice)
    for (index, size) in Self.sizes.enumerated() {
      let x = Tensor.random([100, size.inputs], seed: UInt64(index)).converted(to: type)
      let weight = Tensor.random([size.outputs, size.inputs], seed: 50).converted(to: type)
      let turned = DoubleMatrix(weight).transposed
      let plain = Tensor(turned.values.map(Float.init), shape: [size.inputs, size.outputs]).converted(to: type)
      let all = withThreads(1) { product(backend, x, rows: 0..<100, weight, isTransposed: true) }
      for threads in [1, 2, 3] {
        for count in Self.rows {
          let first = 100 - count, label = "\(size), \(count) rows, \(threads) threads"
          withThreads(threads) {
            let rows = first..<100, expected = Array(all[(first * size.outputs)...])
            #expect(product(backend, x, rows: rows, weight, isTransposed: true) == expected, "\(label)")
            #expect(product(backend, x, rows: rows, plain, isTransposed: false) == expected, "\(label), turned")
          }
        }
      }
    }
  }

  @Test(
    "of attention: a query has the same bits with other queries of its sequence and without",
    arguments: [
      ElementType.float32, .bfloat16,
    ])
  func attending(products: ElementType) {
    let (heads, size, keys) = (2, 40, 150)
    let query = Tensor.random([250, heads * size], seed: 1)
    let key = Tensor.random([keys, heads * size], seed: 2), value = Tensor.random([keys, heads * size], seed: 3)
    func attended(_ rows: Range<Int>) -> [Float] {
      let layout = AttentionLayout(
        queryCounts: [rows.count], keyCounts: [keys], heads: heads, keyValueHeads: heads, headSize: size, scale: 0.2,
        isCausal: false)
      return attention(query.rowSlice(rows), key, value, layout: layout, products: products, tape: nil).values
    }
    // Few threads take more rows at a time than many.
    let all = withThreads(1) { attended(0..<250) }
    #expect(withThreads(3) { attended(0..<250) } == all)
    for rows in [0..<1, 3..<20, 10..<33, 31..<64, 0..<40, 60..<250, 190..<194, 249..<250] {
      let width = heads * size
      #expect(attended(rows) == Array(all[rows.lowerBound * width..<rows.upperBound * width]), "\(rows)")
    }
  }
}
