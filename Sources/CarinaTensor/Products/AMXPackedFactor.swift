import CKernels

/// A right factor [rows, columns] in panels for tile registers; its transpose is made of them a panel at a time.
final class AMXPackedFactor: PackedFactor {
  private let product: AMXProduct
  private let rows: Int, columns: Int
  private let storage: PooledBuffer

  init(product: AMXProduct, rows: Int, columns: Int, storage: PooledBuffer) {
    self.product = product
    self.rows = rows
    self.columns = columns
    self.storage = storage
  }

  private var numbers: UnsafeMutablePointer<UInt16> { storage.pointer.assumingMemoryBound(to: UInt16.self) }

  private func multiply(_ a: MatrixOperand, into target: AMXProduct.Target) {
    let count = Int(carina_amx_panel_count(Int64(rows))), width = Int(CARINA_AMX_COLUMNS)
    product.multiply(a, columns: columns, into: target) { first, _ in UnsafePointer(numbers + first / width * count) }
    withExtendedLifetime(storage) {}
  }

  func multiply(_ a: MatrixOperand, into c: UnsafeMutableRawPointer, epilogue: ProductEpilogue) -> Bool {
    multiply(a, into: AMXProduct.Target(pointer: c, stride: columns, epilogue: epilogue))
    return true
  }

  func multiply(_ a: MatrixOperand, into c: UnsafeMutablePointer<Float>, accumulate: Bool) -> Bool {
    multiply(a, into: AMXProduct.Target(pointer: UnsafeMutableRawPointer(c), stride: columns, accumulates: accumulate))
    return true
  }

  func multiplyTransposed(_ a: MatrixOperand, into c: UnsafeMutableRawPointer, epilogue: ProductEpilogue) -> Bool {
    product.multiply(a, columns: rows, into: AMXProduct.Target(pointer: c, stride: rows, epilogue: epilogue)) {
      first, memory in
      carina_amx_turn_panels(numbers, Int64(rows), Int64(columns), Int64(first), memory)
      return UnsafePointer(memory)
    }
    withExtendedLifetime(storage) {}
    return true
  }
}
