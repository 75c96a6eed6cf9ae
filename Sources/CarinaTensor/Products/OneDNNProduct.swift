import COneDNN
import Foundation

/// fp32 and bfloat16 products by oneDNN, with prepared products kept per shape; small fp32 ones go to OpenBLAS.
///
/// oneDNN runs on the same team of threads as the engine's loops.
package final class OneDNNProduct: MatrixProductProvider, @unchecked Sendable {
  private struct Shape: Hashable {
    let m, n, k, aRow, aColumn, bRow, bColumn, cRow: Int
    let isBFloat16, accumulate: Bool
    var isPacked = false
    var finish = ProductFinish().kind
  }

  final class Prepared {
    var matmul = carina_matmul()
    deinit { if matmul.primitive != nil { carina_matmul_destroy(&matmul) } }
  }

  /// Rows for which the layout of a packed factor is chosen, whatever rows it meets: digits must not depend on what came first.
  private static let packingRows = 512

  private var engine: dnnl_engine_t?
  private var stream: dnnl_stream_t?
  private var prepared: [Shape: Prepared] = [:]
  private let lock = NSLock()
  private let fallback = OpenBLASProduct()
  /// Below this many multiplications preparing and calling a product costs more than it saves.
  private static let smallest = 1 << 18
  private static let mostPrepared = 4096

  /// Nil when oneDNN cannot make a processor engine.
  package init?() {
    guard dnnl_engine_create(&engine, dnnl_cpu, 0) == dnnl_success,
      dnnl_stream_create(&stream, engine, dnnl_stream_default_flags.rawValue) == dnnl_success
    else { return nil }
  }

  /// Name and version.
  package var name: String {
    guard let version = dnnl_version()?.pointee else { return "oneDNN" }
    return "oneDNN \(version.major).\(version.minor).\(version.patch)"
  }

  /// Both; the processor decides whether bfloat16 is also fast.
  package func supports(_ elementType: ElementType) -> Bool { true }

  /// See `MatrixProductProvider`.
  package func multiply(
    _ a: MatrixOperand, _ b: MatrixOperand, into c: UnsafeMutablePointer<Float>, cStride: Int, accumulate: Bool
  ) {
    let work = a.rows * b.columns * a.columns
    guard a.elementType == .bfloat16 || work >= OneDNNProduct.smallest,
      let product = product(a, b, cStride: cStride, accumulate: accumulate, ProductFinish().kind)
    else { return fallback.multiply(a, b, into: c, cStride: cStride, accumulate: accumulate) }
    run(product, a, b.pointer, into: c, ProductFinish())
  }

  /// c [a.rows, b.columns] = a b, densely, with what `finish` asks for; false where the library cannot.
  func multiply(_ a: MatrixOperand, _ b: MatrixOperand, into c: UnsafeMutableRawPointer, finish: ProductFinish) -> Bool
  {
    guard let product = product(a, b, cStride: b.columns, accumulate: false, finish.kind) else { return false }
    run(product, a, b.pointer, into: c, finish)
    return true
  }

  private func run(
    _ product: Prepared, _ a: MatrixOperand, _ b: UnsafeRawPointer, into c: UnsafeMutableRawPointer,
    _ finish: ProductFinish
  ) {
    let scratch = Storage(byteCount: Int(product.matmul.scratch_bytes) + 64)
    let status = carina_matmul_run(
      &product.matmul, a.pointer, b, c, scratch.pointer, finish.bias?.pointer, finish.other?.pointer)
    precondition(status == 0, "oneDNN failed with status \(status) on a factor [\(a.rows), \(a.columns)]")
    withExtendedLifetime((scratch, finish.bias, finish.other)) {}
  }

  private func product(
    _ a: MatrixOperand, _ b: MatrixOperand, cStride: Int, accumulate: Bool, _ finish: ProductFinish.Kind
  ) -> Prepared? {
    let shape = Shape(
      m: a.rows, n: b.columns, k: a.columns, aRow: a.isTransposed ? 1 : a.stride,
      aColumn: a.isTransposed ? a.stride : 1,
      bRow: b.isTransposed ? 1 : b.stride, bColumn: b.isTransposed ? b.stride : 1, cRow: cStride,
      isBFloat16: a.elementType == .bfloat16, accumulate: accumulate, finish: finish)
    lock.lock()
    defer { lock.unlock() }
    if let known = prepared[shape] { return known }
    if prepared.count >= OneDNNProduct.mostPrepared { prepared.removeAll() }
    var description = carina_matmul_shape()
    (description.m, description.n, description.k) = (Int64(shape.m), Int64(shape.n), Int64(shape.k))
    (description.a_row, description.a_column) = (Int64(shape.aRow), Int64(shape.aColumn))
    (description.b_row, description.b_column) = (Int64(shape.bRow), Int64(shape.bColumn))
    description.c_row = Int64(shape.cRow)
    description.is_bfloat16 = shape.isBFloat16 ? 1 : 0
    description.accumulate = accumulate ? 1 : 0
    finish.describe(&description)
    let product = Prepared()
    guard carina_matmul_create(&product.matmul, engine, stream, &description) == 0 else { return nil }
    prepared[shape] = product
    return product
  }

  /// Copies a bfloat16 factor into the layout that the library likes best.
  func pack(_ b: MatrixOperand) -> PackedFactor? {
    guard b.elementType == .bfloat16 else { return nil }
    var description = description(rows: OneDNNProduct.packingRows, b)
    description.b_is_packed = 1
    let layout = Prepared()
    guard carina_matmul_create(&layout.matmul, engine, stream, &description) == 0 else { return nil }
    let storage = Storage(byteCount: Int(carina_matmul_packed_bytes(&layout.matmul)))
    guard carina_matmul_pack(&layout.matmul, &description, b.pointer, storage.pointer) == 0 else { return nil }
    return PackedFactor(product: self, rows: b.rows, columns: b.columns, storage: storage, layout: layout)
  }

  /// c [a.rows, b.columns] = a b, densely; false where the library has no fast kernel for these sizes.
  func multiply(
    _ a: MatrixOperand, _ b: PackedFactor, into c: UnsafeMutableRawPointer, finish: ProductFinish = ProductFinish()
  ) -> Bool {
    guard let product = prepared(a, b, finish.kind) else { return false }
    run(product, a, b.storage.pointer, into: c, finish)
    return true
  }

  private func prepared(_ a: MatrixOperand, _ b: PackedFactor, _ finish: ProductFinish.Kind) -> Prepared? {
    guard !a.isTransposed, a.stride == a.columns else { return nil }
    let shape = Shape(
      m: a.rows, n: b.columns, k: b.rows, aRow: a.stride, aColumn: 1, bRow: 0, bColumn: 0, cRow: b.columns,
      isBFloat16: true, accumulate: false, isPacked: true, finish: finish)
    lock.lock()
    defer { lock.unlock() }
    if let known = prepared[shape] { return known }
    let plain = MatrixOperand(
      pointer: b.storage.pointer, elementType: .bfloat16, rows: b.rows, columns: b.columns, stride: b.columns)
    var description = description(rows: a.rows, plain)
    finish.describe(&description)
    let product = Prepared()
    let status = withUnsafePointer(to: &b.layout.matmul.b) { layout in
      description.b_layout = layout
      return carina_matmul_create(&product.matmul, engine, stream, &description)
    }
    guard status == 0 else { return nil }
    prepared[shape] = product
    return product
  }

  private func description(rows: Int, _ b: MatrixOperand) -> carina_matmul_shape {
    var shape = carina_matmul_shape()
    (shape.m, shape.n, shape.k) = (Int64(rows), Int64(b.columns), Int64(b.rows))
    (shape.a_row, shape.a_column, shape.c_row) = (Int64(b.rows), 1, Int64(b.columns))
    (shape.b_row, shape.b_column) = b.isTransposed ? (1, Int64(b.stride)) : (Int64(b.stride), 1)
    shape.is_bfloat16 = 1
    return shape
  }
}

/// A right factor [K, N] in a layout of the library's own.
package final class PackedFactor {
  let product: OneDNNProduct
  let rows: Int, columns: Int
  let storage: Storage
  let layout: OneDNNProduct.Prepared

  init(product: OneDNNProduct, rows: Int, columns: Int, storage: Storage, layout: OneDNNProduct.Prepared) {
    self.product = product
    self.rows = rows
    self.columns = columns
    self.storage = storage
    self.layout = layout
  }
}
