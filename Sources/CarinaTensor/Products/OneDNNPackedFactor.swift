/// A right factor [K, N] in a layout of oneDNN's own.
final class OneDNNPackedFactor: PackedFactor {
  let product: OneDNNProduct
  let rows: Int, columns: Int
  let storage: PooledBuffer
  let layout: OneDNNPrimitives.Layout

  init(product: OneDNNProduct, rows: Int, columns: Int, storage: PooledBuffer, layout: OneDNNPrimitives.Layout) {
    self.product = product
    self.rows = rows
    self.columns = columns
    self.storage = storage
    self.layout = layout
  }

  func multiply(_ a: MatrixOperand, into c: UnsafeMutableRawPointer, epilogue: ProductEpilogue) -> Bool {
    product.multiply(a, storage.pointer, layout, rows: rows, columns: columns, into: c, epilogue)
  }

  func multiply(_ a: MatrixOperand, into c: UnsafeMutablePointer<Float>, accumulate: Bool) -> Bool {
    product.multiply(
      a, storage.pointer, layout, rows: rows, columns: columns, into: c, ProductEpilogue(), accumulate: accumulate)
  }

  func multiplyTransposed(_ a: MatrixOperand, into c: UnsafeMutableRawPointer, epilogue: ProductEpilogue) -> Bool {
    product.multiplyTransposed(a, self, into: c, epilogue)
  }
}
