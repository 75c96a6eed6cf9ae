import CKernels
import COneDNN
import CarinaRuntime

/// fp32 and bfloat16 products by oneDNN, by what `OneDNNPrimitives` keeps prepared for each shape; small fp32 ones go to
/// `FloatProduct`.
///
/// oneDNN runs on the same team of threads as the engine's loops.
package final class OneDNNProduct: MatrixProductProvider, Sendable {
  /// A factor is packed for a single product of at least so many rows and multiplications, up to so many bytes: to copy
  /// it then takes less time than it saves.
  private static let packingOnce = (rows: 256, work: 1 << 28, byteCount: 1 << 26)
  /// The same of a copy that is there packed for the other direction.
  private static let fewestRowsTransposed = 128
  /// Right factors of fewer numbers are left to the fallback in fp32: to prepare a product for each number of rows that they
  /// meet costs more than it saves. Rows do not count, as theirs would be other digits where there are more of them.
  private static let smallestFactor = 1 << 14
  /// How many products are kept prepared.
  package static let mostPrepared = OneDNNPrimitives.mostPrepared

  private let pool: MemoryPool
  private let failure: ProductFailure
  private let primitives: OneDNNPrimitives
  private let fallback: FloatProduct

  /// Nil when oneDNN cannot make a processor engine.
  /// - Parameters:
  ///   - failure: told what the library reports, which a product has no way to throw.
  ///   - mostPrepared: how many products are kept prepared.
  ///   - mostGuests: how many of them go for newer ones, those first that were not used for longest.
  package init?(
    pool: MemoryPool = MemoryPool(), failure: ProductFailure = ProductFailure(),
    keeping mostPrepared: Int = OneDNNProduct.mostPrepared, guests mostGuests: Int? = nil
  ) {
    guard
      let primitives = OneDNNPrimitives(keeping: mostPrepared, guests: mostGuests ?? OneDNNPrimitives.mostGuests)
    else { return nil }
    self.primitives = primitives
    self.pool = pool
    self.failure = failure
    fallback = FloatProduct(pool: pool)
  }

  /// Name and version.
  package var name: String {
    guard let version = dnnl_version()?.pointee else { return "oneDNN" }
    return "oneDNN \(version.major).\(version.minor).\(version.patch)"
  }

  /// It has.
  package var packsFactors: Bool { true }

  /// How many products are kept prepared.
  package var preparedCount: Int { primitives.preparedCount }
  /// How often a product was prepared.
  package var preparationCount: Int { primitives.preparationCount }

  /// Whether a product of rows with a factor [inputs, outputs] is prepared here, or left to the fallback.
  package static func prepares(_ inputs: Int, _ outputs: Int, rows: Int, _ type: ElementType) -> Bool {
    rows > 0 && (type == .bfloat16 || Double(inputs) * Double(outputs) >= Double(smallestFactor))
  }

  /// See `MatrixProductProvider`.
  package func settle(_ isSettled: Bool) { primitives.settle(isSettled) }

  /// See `MatrixProductProvider`.
  package func multiply(
    _ a: MatrixOperand, _ b: MatrixOperand, into c: UnsafeMutablePointer<Float>, cStride: Int, accumulate: Bool
  ) {
    if cStride == b.columns, !accumulate, multiplyPackedOnce(a, b, into: c, ProductEpilogue()) { return }
    guard OneDNNProduct.prepares(b.rows, b.columns, rows: a.rows, a.elementType),
      let product = primitives.product(a, b, cStride: cStride, accumulate: accumulate, ProductEpilogue().kind)
    else { return fallback.multiply(a, b, into: c, cStride: cStride, accumulate: accumulate) }
    run(product, a, b.pointer, into: c, ProductEpilogue())
  }

  /// See `MatrixProductProvider`.
  package func multiply(
    _ a: MatrixOperand, _ b: MatrixOperand, into c: UnsafeMutableRawPointer, epilogue: ProductEpilogue
  ) -> Bool {
    if multiplyPackedOnce(a, b, into: c, epilogue) { return true }
    guard OneDNNProduct.prepares(b.rows, b.columns, rows: a.rows, a.elementType),
      let product = primitives.product(a, b, cStride: b.columns, accumulate: false, epilogue.kind)
    else { return false }
    run(product, a, b.pointer, into: c, epilogue)
    return true
  }

  private func run(
    _ product: OneDNNPrimitives.Prepared, _ a: MatrixOperand, _ b: UnsafeRawPointer, into c: UnsafeMutableRawPointer,
    _ epilogue: ProductEpilogue
  ) {
    let scratch = PooledBuffer(Int(product.matmul.scratch_bytes) + 64, from: pool)
    let status = carina_matmul_run(
      &product.matmul, a.pointer, b, c, scratch.pointer, epilogue.bias?.pointer, epilogue.other?.pointer)
    if status != 0 {
      failure.note(
        CarinaError(
          .internalFailure, "oneDNN failed with status \(status) on a factor [\(a.rows), \(a.columns)]",
          remedy: "Try \(setting: .matmul) openblas."))
    }
    withExtendedLifetime((scratch, epilogue.bias, epilogue.other)) {}
  }

  /// See `MatrixProductProvider`.
  package func pack(_ b: MatrixOperand) -> (any PackedFactor)? {
    guard b.elementType == .bfloat16, let layout = primitives.layout(of: b) else { return nil }
    let storage = PooledBuffer(layout.byteCount, from: pool)
    guard layout.pack(b.pointer, into: storage.pointer) else { return nil }
    return OneDNNPackedFactor(product: self, rows: b.rows, columns: b.columns, storage: storage, layout: layout)
  }

  /// c [a.rows, b.columns] = a b, densely, by a packed copy of b for this product alone. Packing changes no digit; it
  /// makes a factor whose columns are not read in the order of memory a sixth faster.
  private func multiplyPackedOnce(
    _ a: MatrixOperand, _ b: MatrixOperand, into c: UnsafeMutableRawPointer, _ epilogue: ProductEpilogue
  ) -> Bool {
    let once = OneDNNProduct.packingOnce, byteCount = 2 * b.rows * b.columns
    guard b.elementType == .bfloat16, !b.isTransposed, b.stride == b.columns, a.rows >= once.rows,
      b.columns % 64 == 0, b.rows % 64 == 0, byteCount <= once.byteCount, a.rows * b.rows * b.columns >= once.work,
      !a.isTransposed, a.stride == a.columns, let layout = primitives.layout(of: b)
    else { return false }
    let copy = PooledBuffer(layout.byteCount, from: pool)
    guard layout.pack(b.pointer, into: copy.pointer) else { return false }
    return multiply(a, copy.pointer, layout, rows: b.rows, columns: b.columns, into: c, epilogue)
  }

  /// c [a.rows, b.rows] = a bᵀ, densely, by a copy of the packed factor for this product alone.
  func multiplyTransposed(
    _ a: MatrixOperand, _ b: OneDNNPackedFactor, into c: UnsafeMutableRawPointer, _ epilogue: ProductEpilogue
  ) -> Bool {
    // The factor's transpose as it would lie plainly, for which the layout is chosen.
    let plain = MatrixOperand(
      pointer: b.storage.pointer, elementType: .bfloat16, rows: b.columns, columns: b.rows, stride: b.rows)
    guard a.rows >= OneDNNProduct.fewestRowsTransposed, b.layout.hasPairTiles,
      let layout = primitives.layout(of: plain),
      layout.hasPairTiles
    else {
      return false
    }
    let copy = PooledBuffer(layout.byteCount, from: pool)
    let from = b.storage.pointer.assumingMemoryBound(to: UInt16.self)
    let to = copy.pointer.assumingMemoryBound(to: UInt16.self)
    RowSplit.run(b.rows / 64, grain: 1) { range in
      carina_transpose_pair_tiles(
        from, to, Int64(b.rows), Int64(b.columns), Int64(range.lowerBound), Int64(range.upperBound))
    }
    return multiply(a, copy.pointer, layout, rows: b.columns, columns: b.rows, into: c, epilogue)
  }

  /// c [a.rows, columns] = a b, densely, with b packed; false where the library has no fast kernel for these sizes.
  func multiply(
    _ a: MatrixOperand, _ b: UnsafeRawPointer, _ layout: OneDNNPrimitives.Layout, rows: Int, columns: Int,
    into c: UnsafeMutableRawPointer, _ epilogue: ProductEpilogue, accumulate: Bool = false
  ) -> Bool {
    guard
      let product = primitives.product(
        a, layout, rows: rows, columns: columns, epilogue.kind, accumulate: accumulate)
    else {
      return false
    }
    run(product, a, b, into: c, epilogue)
    return true
  }
}
