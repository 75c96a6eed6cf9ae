import TestSupport
import Testing

import Carina

@Suite struct PreparedProductsTests {
  /// The product of [rows, 64] and [64, 80], in bf16.
  private func product(_ rows: Int, by provider: OneDNNProduct) -> [Float] {
    func numbers(_ count: Int) -> [UInt16] {
      (0..<count).map { UInt16(truncatingIfNeeded: (Float($0 * 37 % 101) / 64 - 0.5).bitPattern >> 16) }
    }
    var result = [Float](repeating: 0, count: rows * 80)
    numbers(rows * 64).withUnsafeBytes { left in
      numbers(64 * 80).withUnsafeBytes { right in
        result.withUnsafeMutableBufferPointer { out in
          guard let a = left.baseAddress, let b = right.baseAddress, let c = out.baseAddress else { return }
          provider.multiply(
            MatrixOperand(pointer: a, elementType: .bfloat16, rows: rows, columns: 64, stride: 64),
            MatrixOperand(pointer: b, elementType: .bfloat16, rows: 64, columns: 80, stride: 80), into: c, cStride: 80,
            accumulate: false)
        }
      }
    }
    return result
  }

  @Test("so many prepared products are kept, those used last; one prepared anew gives the same numbers")
  func bounded() throws {
    let provider = try #require(OneDNNProduct(keeping: 4))
    let all = (1...9).map { product($0 * 3, by: provider) }
    #expect(provider.preparedCount == 4)
    // The last four are there, whatever their order.
    for rows in [9, 6, 8, 7] { #expect(product(rows * 3, by: provider) == all[rows - 1]) }
    #expect(provider.preparedCount == 4)
    for rows in 1...9 { #expect(product(rows * 3, by: provider) == all[rows - 1], "\(rows)") }
    #expect(provider.preparedCount == 4 && all[8].contains { $0 != 0 })
    let fewer = try #require(OneDNNProduct(keeping: 100))
    for rows in 1...9 { _ = product(rows * 3, by: fewer) }
    #expect(fewer.preparedCount == 9)
  }

  @Test("where there is no room, guests change, those first that were not used for longest, and the others stay")
  func guests() throws {
    let provider = try #require(OneDNNProduct(keeping: 6, guests: 2)), other = try #require(OneDNNProduct())
    func expectPreparations(_ count: Int, of rows: [Int]) {
      for rows in rows { #expect(product(rows * 3, by: provider) == product(rows * 3, by: other), "\(rows)") }
      #expect(provider.preparationCount == count && provider.preparedCount <= 6, "\(rows)")
    }
    expectPreparations(9, of: Array(1...9))
    expectPreparations(9, of: [3, 4, 5, 6, 8, 9])
    expectPreparations(10, of: [1, 3, 9, 6])
    expectPreparations(11, of: [8, 5, 9])
  }

  @Test("once settled, no more products are kept until other work begins")
  func settled() throws {
    let provider = try #require(OneDNNProduct(guests: 3))
    for rows in 1...5 { _ = product(rows * 3, by: provider) }
    provider.settle(true)
    for rows in 6...9 { _ = product(rows * 3, by: provider) }
    #expect(provider.preparedCount == 5 && provider.preparationCount == 9)
    for rows in [4, 5, 7, 8, 9] { _ = product(rows * 3, by: provider) }
    #expect(provider.preparedCount == 5 && provider.preparationCount == 9)
    provider.settle(false)
    for rows in 10...12 { _ = product(rows * 3, by: provider) }
    #expect(provider.preparedCount == 8)
    let many = try #require(OneDNNProduct(guests: 2))
    for rows in 1...9 { _ = product(rows * 3, by: many) }
    many.settle(true)
    for rows in 10...12 { _ = product(rows * 3, by: many) }
    #expect(many.preparedCount == 8, "room for the holes that changing ones leave")
  }
}
