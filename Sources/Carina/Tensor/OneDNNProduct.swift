import COneDNN
import Foundation

/// fp32 and bfloat16 products by oneDNN, with prepared products kept per shape; small fp32 ones go to OpenBLAS.
///
/// oneDNN runs on the same team of threads as the engine's loops.
public final class OneDNNProduct: MatrixProductProvider, @unchecked Sendable {
  private struct Shape: Hashable {
    let m, n, k, aRow, aColumn, bRow, bColumn, cRow: Int
    let isBFloat16, accumulate: Bool
  }

  private final class Prepared {
    var matmul = carina_matmul()
    deinit { if matmul.primitive != nil { carina_matmul_destroy(&matmul) } }
  }

  private var engine: dnnl_engine_t?
  private var stream: dnnl_stream_t?
  private var prepared: [Shape: Prepared] = [:]
  private let lock = NSLock()
  private let fallback = OpenBLASProduct()
  /// Below this many multiplications preparing and calling a product costs more than it saves.
  private static let smallest = 1 << 18
  private static let mostPrepared = 4096

  /// Nil when oneDNN cannot make a processor engine.
  public init?() {
    guard dnnl_engine_create(&engine, dnnl_cpu, 0) == dnnl_success,
      dnnl_stream_create(&stream, engine, dnnl_stream_default_flags.rawValue) == dnnl_success
    else { return nil }
  }

  /// Name and version.
  public var name: String {
    guard let version = dnnl_version()?.pointee else { return "oneDNN" }
    return "oneDNN \(version.major).\(version.minor).\(version.patch)"
  }

  /// Both; the processor decides whether bfloat16 is also fast.
  public func supports(_ elementType: ElementType) -> Bool { true }

  /// See `MatrixProductProvider`.
  public func multiply(
    _ a: MatrixOperand, _ b: MatrixOperand, into c: UnsafeMutablePointer<Float>, cStride: Int, accumulate: Bool
  ) {
    let work = a.rows * b.columns * a.columns
    guard a.elementType == .bfloat16 || work >= OneDNNProduct.smallest,
      let product = product(a, b, cStride: cStride, accumulate: accumulate)
    else { return fallback.multiply(a, b, into: c, cStride: cStride, accumulate: accumulate) }
    let scratch = Storage(byteCount: Int(product.matmul.scratch_bytes) + 64)
    let status = carina_matmul_run(&product.matmul, a.pointer, b.pointer, c, scratch.pointer)
    precondition(
      status == 0, "oneDNN failed with status \(status) on [\(a.rows), \(a.columns)] × [\(b.rows), \(b.columns)]")
  }

  private func product(_ a: MatrixOperand, _ b: MatrixOperand, cStride: Int, accumulate: Bool) -> Prepared? {
    let shape = Shape(
      m: a.rows, n: b.columns, k: a.columns, aRow: a.isTransposed ? 1 : a.stride,
      aColumn: a.isTransposed ? a.stride : 1,
      bRow: b.isTransposed ? 1 : b.stride, bColumn: b.isTransposed ? b.stride : 1, cRow: cStride,
      isBFloat16: a.elementType == .bfloat16, accumulate: accumulate)
    lock.lock()
    defer { lock.unlock() }
    if let known = prepared[shape] { return known }
    if prepared.count >= OneDNNProduct.mostPrepared { prepared.removeAll() }
    var description = carina_matmul_shape(
      m: Int64(shape.m), n: Int64(shape.n), k: Int64(shape.k), a_row: Int64(shape.aRow), a_column: Int64(shape.aColumn),
      b_row: Int64(shape.bRow), b_column: Int64(shape.bColumn), c_row: Int64(shape.cRow),
      is_bfloat16: shape.isBFloat16 ? 1 : 0, accumulate: accumulate ? 1 : 0)
    let product = Prepared()
    guard carina_matmul_create(&product.matmul, engine, stream, &description) == 0 else { return nil }
    prepared[shape] = product
    return product
  }
}
