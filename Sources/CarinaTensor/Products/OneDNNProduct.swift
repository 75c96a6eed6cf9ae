import CKernels
import COneDNN
import CarinaRuntime
import Foundation

/// fp32 and bfloat16 products by oneDNN, with prepared products kept per shape; small fp32 ones go to OpenBLAS.
///
/// oneDNN runs on the same team of threads as the engine's loops.
// Unchecked: the lock guards what is prepared; engine and stream keep nothing of a product, which runs in the calling
// thread.
package final class OneDNNProduct: MatrixProductProvider, @unchecked Sendable {
  private struct Shape: Hashable {
    let m, n, k, aRow, aColumn, bRow, bColumn, cRow: Int
    let isBFloat16, accumulate: Bool
    var isPacked = false
    var epilogue = ProductEpilogue().kind
  }

  final class Prepared {
    var matmul = carina_matmul()
    /// Which look for a product was the last to find it.
    fileprivate var moment = 0
    deinit { if matmul.primitive != nil { carina_matmul_destroy(&matmul) } }
  }

  /// How right factors of one shape are packed: the product whose layout it is, and the copying into it.
  final class Layout {
    fileprivate var matmul = carina_matmul()
    fileprivate var packing = carina_packing()
    fileprivate var hasPairTiles = false
    fileprivate var byteCount: Int { Int(carina_matmul_packed_bytes(&matmul)) }

    deinit {
      if packing.primitive != nil { carina_packing_destroy(&packing) }
      if matmul.primitive != nil { carina_matmul_destroy(&matmul) }
    }
  }

  private struct Factor: Hashable { let k, n, row, column: Int }

  /// Rows for which the layout of a packed factor is chosen, whatever rows it meets: digits must not depend on what
  /// came first.
  private static let packingRows = 512
  /// A factor is packed for a single product of at least so many rows and multiplications, up to so many bytes: to copy
  /// it then takes less time than it saves.
  private static let packingOnce = (rows: 256, work: 1 << 28, byteCount: 1 << 26)
  /// The same of a copy that is there packed for the other direction.
  private static let fewestRowsTransposed = 128

  private let pool: MemoryPool
  private let failure: ProductFailure
  private let mostPrepared: Int, mostGuests: Int
  private var settledCount: Int?
  private var engine: dnnl_engine_t?
  private var stream: dnnl_stream_t?
  private var prepared: [Shape: Prepared] = [:]
  /// Those of `prepared` that go for newer ones; nil while there is room for all.
  private var guests: [Shape: Prepared]?
  private var layouts: [Factor: Layout] = [:]
  private var moment = 0, preparations = 0
  private let lock = NSLock()
  private let fallback: OpenBLASProduct
  /// Below this many multiplications preparing and calling a product costs more than it saves.
  private static let smallest = 1 << 18
  /// Sequences packed without padding give other numbers of rows, and so two dozen other shapes, in nearly every
  /// micro-batch. To prepare them anew takes a tenth of the time of a small model's step.
  package static let mostPrepared = 4096
  /// Once there are as many as may be, this many of them change and the others stay: where each one goes for the next,
  /// the heap, of which a product takes a hundred pieces, grows by a quarter, and what comes first is needed as often as
  /// what came last. A step needs about a hundred.
  package static let mostGuests = 256

  /// Nil when oneDNN cannot make a processor engine.
  /// - Parameters:
  ///   - failure: told what the library reports, which a product has no way to throw.
  ///   - mostPrepared: how many products are kept prepared.
  ///   - mostGuests: how many of them go for newer ones, those first that were not used for longest.
  package init?(
    pool: MemoryPool = MemoryPool(), failure: ProductFailure = ProductFailure(),
    keeping mostPrepared: Int = OneDNNProduct.mostPrepared, guests mostGuests: Int = OneDNNProduct.mostGuests
  ) {
    self.pool = pool
    self.failure = failure
    self.mostPrepared = mostPrepared
    self.mostGuests = mostGuests
    fallback = OpenBLASProduct(pool: pool)
    // The library's own cache would hold as many more, each of which is asked of it once.
    dnnl_set_primitive_cache_capacity(0)
    guard dnnl_engine_create(&engine, dnnl_cpu, 0) == dnnl_success,
      dnnl_stream_create(&stream, engine, dnnl_stream_default_flags.rawValue) == dnnl_success
    else { return nil }
  }

  /// Name and version.
  package var name: String {
    guard let version = dnnl_version()?.pointee else { return "oneDNN" }
    return "oneDNN \(version.major).\(version.minor).\(version.patch)"
  }

  /// It has.
  package var packsFactors: Bool { true }

  /// How many products are kept prepared.
  package var preparedCount: Int { lock.withLock { prepared.count } }
  /// How often a product was prepared.
  package var preparationCount: Int { lock.withLock { preparations } }

  /// Whether a product of so many multiplications of rows, inputs and outputs is prepared here, or left to the fallback.
  package static func prepares(_ inputs: Int, _ outputs: Int, rows: Int, _ type: ElementType) -> Bool {
    guard rows > 0 else { return false }
    return type == .bfloat16 || Double(rows) * Double(inputs) * Double(outputs) >= Double(smallest)
  }

  /// See `MatrixProductProvider`: a product that was not needed so far is a rare one, and goes again for the next.
  package func settle(_ isSettled: Bool) {
    lock.withLock {
      // Changing ones leave holes of their own, which must not add to what there was.
      if isSettled, guests == nil, prepared.count >= 4 * mostGuests {
        let oldest = leastRecent().sorted { $0.value.moment < $1.value.moment }.prefix(mostGuests / 2)
        for (shape, _) in oldest { prepared[shape] = nil }
      }
      settledCount = isSettled ? min(max(prepared.count, mostGuests), mostPrepared) : nil
      if !isSettled { guests = nil }
    }
  }

  /// See `MatrixProductProvider`.
  package func multiply(
    _ a: MatrixOperand, _ b: MatrixOperand, into c: UnsafeMutablePointer<Float>, cStride: Int, accumulate: Bool
  ) {
    let work = a.rows * b.columns * a.columns
    if cStride == b.columns, !accumulate, multiplyPackedOnce(a, b, into: c, ProductEpilogue()) { return }
    guard a.elementType == .bfloat16 || work >= OneDNNProduct.smallest,
      let product = product(a, b, cStride: cStride, accumulate: accumulate, ProductEpilogue().kind)
    else { return fallback.multiply(a, b, into: c, cStride: cStride, accumulate: accumulate) }
    run(product, a, b.pointer, into: c, ProductEpilogue())
  }

  /// See `MatrixProductProvider`.
  package func multiply(
    _ a: MatrixOperand, _ b: MatrixOperand, into c: UnsafeMutableRawPointer, epilogue: ProductEpilogue
  ) -> Bool {
    if multiplyPackedOnce(a, b, into: c, epilogue) { return true }
    guard let product = product(a, b, cStride: b.columns, accumulate: false, epilogue.kind) else { return false }
    run(product, a, b.pointer, into: c, epilogue)
    return true
  }

  private func run(
    _ product: Prepared, _ a: MatrixOperand, _ b: UnsafeRawPointer, into c: UnsafeMutableRawPointer,
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

  private func product(
    _ a: MatrixOperand, _ b: MatrixOperand, cStride: Int, accumulate: Bool, _ epilogue: ProductEpilogue.Kind
  ) -> Prepared? {
    let shape = Shape(
      m: a.rows, n: b.columns, k: a.columns, aRow: a.isTransposed ? 1 : a.stride,
      aColumn: a.isTransposed ? a.stride : 1,
      bRow: b.isTransposed ? 1 : b.stride, bColumn: b.isTransposed ? b.stride : 1, cRow: cStride,
      isBFloat16: a.elementType == .bfloat16, accumulate: accumulate, epilogue: epilogue)
    lock.lock()
    defer { lock.unlock() }
    if let known = lookUp(shape) { return known }
    var description = carina_matmul_shape()
    (description.m, description.n, description.k) = (Int64(shape.m), Int64(shape.n), Int64(shape.k))
    (description.a_row, description.a_column) = (Int64(shape.aRow), Int64(shape.aColumn))
    (description.b_row, description.b_column) = (Int64(shape.bRow), Int64(shape.bColumn))
    description.c_row = Int64(shape.cRow)
    description.is_bfloat16 = shape.isBFloat16 ? 1 : 0
    description.accumulate = accumulate ? 1 : 0
    epilogue.describe(&description)
    let product = Prepared()
    guard carina_matmul_create(&product.matmul, engine, stream, &description) == 0 else { return nil }
    keep(product, for: shape)
    return product
  }

  /// The product prepared for a shape; under the lock.
  private func lookUp(_ shape: Shape) -> Prepared? {
    guard let known = prepared[shape] else { return nil }
    moment += 1
    known.moment = moment
    return known
  }

  /// Keeps a product, where there is no room in the stead of a guest; under the lock.
  private func keep(_ product: Prepared, for shape: Shape) {
    preparations += 1
    moment += 1
    product.moment = moment
    if prepared.count >= settledCount ?? mostPrepared {
      var changing = guests ?? leastRecent()
      // Not copied when it changes.
      guests = nil
      if let oldest = changing.min(by: { $0.value.moment < $1.value.moment })?.key {
        prepared[oldest] = nil
        changing[oldest] = nil
      }
      changing[shape] = product
      guests = changing
    }
    prepared[shape] = product
  }

  /// The products that were not used for longest, as many as may be guests; under the lock.
  private func leastRecent() -> [Shape: Prepared] {
    let oldest = prepared.sorted { $0.value.moment < $1.value.moment }.prefix(mostGuests)
    return Dictionary(uniqueKeysWithValues: oldest.map { ($0.key, $0.value) })
  }

  /// See `MatrixProductProvider`.
  package func pack(_ b: MatrixOperand) -> (any PackedFactor)? {
    guard b.elementType == .bfloat16, let layout = layout(of: b) else { return nil }
    let storage = PooledBuffer(layout.byteCount, from: pool)
    guard carina_packing_run(&layout.packing, &layout.matmul, b.pointer, storage.pointer) == 0 else { return nil }
    return OneDNNPackedFactor(product: self, rows: b.rows, columns: b.columns, storage: storage, layout: layout)
  }

  /// The layout of right factors of these sizes and strides; nil where the library has no fast kernel for it.
  private func layout(of b: MatrixOperand) -> Layout? {
    let (row, column) = b.isTransposed ? (1, b.stride) : (b.stride, 1)
    let factor = Factor(k: b.rows, n: b.columns, row: row, column: column)
    lock.lock()
    defer { lock.unlock() }
    if let known = layouts[factor] { return known.packing.primitive == nil ? nil : known }
    let layout = Layout()
    layouts[factor] = layout
    var description = description(rows: OneDNNProduct.packingRows, b)
    description.b_is_packed = 1
    guard carina_matmul_create(&layout.matmul, engine, stream, &description) == 0,
      carina_packing_create(&layout.packing, &layout.matmul, &description) == 0
    else { return nil }
    layout.hasPairTiles = carina_matmul_has_pair_tiles(&layout.matmul, description.k, description.n) != 0
    return layout
  }

  /// c [a.rows, b.columns] = a b, densely, by a packed copy of b for this product alone. Packing changes no digit; it
  /// makes a factor whose columns are not read in the order of memory a sixth faster.
  private func multiplyPackedOnce(
    _ a: MatrixOperand, _ b: MatrixOperand, into c: UnsafeMutableRawPointer, _ epilogue: ProductEpilogue
  ) -> Bool {
    let once = OneDNNProduct.packingOnce, byteCount = 2 * b.rows * b.columns
    guard b.elementType == .bfloat16, !b.isTransposed, b.stride == b.columns, a.rows >= once.rows,
      b.columns % 64 == 0, b.rows % 64 == 0, byteCount <= once.byteCount, a.rows * b.rows * b.columns >= once.work,
      !a.isTransposed, a.stride == a.columns, let layout = layout(of: b)
    else { return false }
    let copy = PooledBuffer(layout.byteCount, from: pool)
    guard carina_packing_run(&layout.packing, &layout.matmul, b.pointer, copy.pointer) == 0 else { return false }
    return multiply(a, copy.pointer, layout, rows: b.rows, columns: b.columns, into: c, epilogue)
  }

  /// c [a.rows, b.rows] = a bᵀ, densely, by a copy of the packed factor for this product alone.
  fileprivate func multiplyTransposed(
    _ a: MatrixOperand, _ b: OneDNNPackedFactor, into c: UnsafeMutableRawPointer, _ epilogue: ProductEpilogue
  ) -> Bool {
    // The factor's transpose as it would lie plainly, for which the layout is chosen.
    let plain = MatrixOperand(
      pointer: b.storage.pointer, elementType: .bfloat16, rows: b.columns, columns: b.rows, stride: b.rows)
    guard a.rows >= OneDNNProduct.fewestRowsTransposed, b.layout.hasPairTiles, let layout = layout(of: plain),
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
  fileprivate func multiply(
    _ a: MatrixOperand, _ b: UnsafeRawPointer, _ layout: Layout, rows: Int, columns: Int,
    into c: UnsafeMutableRawPointer, _ epilogue: ProductEpilogue, accumulate: Bool = false
  ) -> Bool {
    guard let product = prepared(a, layout, rows: rows, columns: columns, epilogue.kind, accumulate: accumulate) else {
      return false
    }
    run(product, a, b, into: c, epilogue)
    return true
  }

  private func prepared(
    _ a: MatrixOperand, _ layout: Layout, rows: Int, columns: Int, _ epilogue: ProductEpilogue.Kind, accumulate: Bool
  ) -> Prepared? {
    guard !a.isTransposed, a.stride == a.columns else { return nil }
    let shape = Shape(
      m: a.rows, n: columns, k: rows, aRow: a.stride, aColumn: 1, bRow: 0, bColumn: 0, cRow: columns,
      isBFloat16: true, accumulate: accumulate, isPacked: true, epilogue: epilogue)
    lock.lock()
    defer { lock.unlock() }
    if let known = lookUp(shape) { return known }
    var description = carina_matmul_shape()
    (description.m, description.n, description.k) = (Int64(a.rows), Int64(columns), Int64(rows))
    (description.a_row, description.a_column, description.c_row) = (Int64(rows), 1, Int64(columns))
    (description.b_row, description.b_column) = (Int64(columns), 1)
    description.is_bfloat16 = 1
    description.accumulate = accumulate ? 1 : 0
    epilogue.describe(&description)
    let product = Prepared()
    let status = withUnsafePointer(to: &layout.matmul.b) { layout in
      description.b_layout = layout
      return carina_matmul_create(&product.matmul, engine, stream, &description)
    }
    guard status == 0 else { return nil }
    keep(product, for: shape)
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

/// A right factor [K, N] in a layout of oneDNN's own.
private final class OneDNNPackedFactor: PackedFactor {
  let product: OneDNNProduct
  let rows: Int, columns: Int
  let storage: PooledBuffer
  let layout: OneDNNProduct.Layout

  init(product: OneDNNProduct, rows: Int, columns: Int, storage: PooledBuffer, layout: OneDNNProduct.Layout) {
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
