import COneDNN
import CarinaRuntime
import Foundation

/// What oneDNN has prepared, kept for the next product of the same shape: products, and the layouts in which right
/// factors are packed.
///
/// Products of which there is no room for all go for newer ones, those first that were not used for longest.
// Unchecked: the lock guards what is prepared; engine and stream keep nothing of a product, which runs in the calling
// thread.
final class OneDNNPrimitives: @unchecked Sendable {
  /// What a product is prepared for.
  struct Shape: Hashable {
    let m, n, k, aRow, aColumn, bRow, bColumn, cRow: Int
    let isBFloat16, accumulate: Bool
    var isPacked = false
    var epilogue = ProductEpilogue().kind
  }

  /// A prepared product.
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
    /// Whether its tiles of pairs can be transposed.
    fileprivate(set) var hasPairTiles = false
    /// Bytes of a packed factor.
    var byteCount: Int { Int(carina_matmul_packed_bytes(&matmul)) }

    /// Copies a factor of the layout's shape into it.
    /// - Returns: whether the library did.
    func pack(_ factor: UnsafeRawPointer, into packed: UnsafeMutableRawPointer) -> Bool {
      carina_packing_run(&packing, &matmul, factor, packed) == 0
    }

    deinit {
      if packing.primitive != nil { carina_packing_destroy(&packing) }
      if matmul.primitive != nil { carina_matmul_destroy(&matmul) }
    }
  }

  private struct Factor: Hashable { let k, n, row, column: Int }

  /// Rows for which the layout of a packed factor is chosen, whatever rows it meets: digits must not depend on what
  /// came first.
  private static let packingRows = 512
  /// Sequences packed without padding give other numbers of rows, and so two dozen other shapes, in nearly every
  /// micro-batch. To prepare them anew takes a tenth of the time of a small model's step.
  static let mostPrepared = 4096
  /// Once there are as many as may be, this many of them change and the others stay: where each one goes for the next,
  /// the heap, of which a product takes a hundred pieces, grows by a quarter, and what comes first is needed as often as
  /// what came last. A step needs about a hundred.
  static let mostGuests = 256

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

  /// Nil when oneDNN cannot make a processor engine.
  /// - Parameters:
  ///   - mostPrepared: how many products are kept prepared.
  ///   - mostGuests: how many of them go for newer ones.
  init?(keeping mostPrepared: Int, guests mostGuests: Int) {
    self.mostPrepared = mostPrepared
    self.mostGuests = mostGuests
    carina_settle_instructions()
    // The library's own cache would hold as many more, each of which is asked of it once.
    dnnl_set_primitive_cache_capacity(0)
    guard dnnl_engine_create(&engine, dnnl_cpu, 0) == dnnl_success,
      dnnl_stream_create(&stream, engine, dnnl_stream_default_flags.rawValue) == dnnl_success
    else { return nil }
  }

  /// How many products are kept prepared.
  var preparedCount: Int { lock.withLock { prepared.count } }
  /// How often a product was prepared.
  var preparationCount: Int { lock.withLock { preparations } }

  /// See `MatrixProductProvider`: a product that was not needed so far is a rare one, and goes again for the next.
  func settle(_ isSettled: Bool) {
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

  /// The product for factors as they lie in memory; nil where the library has none.
  func product(
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

  /// The product of rows as they lie in memory and a factor [rows, columns] that is packed; nil where the library has no
  /// fast kernel for these sizes.
  func product(
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

  /// The layout of right factors of these sizes and strides; nil where the library has no fast kernel for it.
  func layout(of b: MatrixOperand) -> Layout? {
    let (row, column) = b.isTransposed ? (1, b.stride) : (b.stride, 1)
    let factor = Factor(k: b.rows, n: b.columns, row: row, column: column)
    lock.lock()
    defer { lock.unlock() }
    if let known = layouts[factor] { return known.packing.primitive == nil ? nil : known }
    let layout = Layout()
    layouts[factor] = layout
    var description = carina_matmul_shape()
    (description.m, description.n, description.k) = (
      Int64(OneDNNPrimitives.packingRows), Int64(b.columns), Int64(b.rows)
    )
    (description.a_row, description.a_column, description.c_row) = (Int64(b.rows), 1, Int64(b.columns))
    (description.b_row, description.b_column) = (Int64(row), Int64(column))
    description.is_bfloat16 = 1
    description.b_is_packed = 1
    guard carina_matmul_create(&layout.matmul, engine, stream, &description) == 0,
      carina_packing_create(&layout.packing, &layout.matmul, &description) == 0
    else { return nil }
    layout.hasPairTiles = carina_matmul_has_pair_tiles(&layout.matmul, description.k, description.n) != 0
    return layout
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
}
