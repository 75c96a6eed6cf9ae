import CarinaRuntime

/// The processor: memory of the host from a pool of its own, loops on the process's team of threads, products by a
/// library.
///
/// The team is libgomp's, one for the process and for modules without tensors as well, so its size is
/// `ThreadTeam.count` and no property of this value. Its primitives stand in the operations' files, each under the
/// operation that needs it.
package final class CPUBackend: Backend, Sendable {
  /// The library that multiplies matrices.
  package let products: any MatrixProductProvider
  /// How rows are rounded that meet weights in 8 bits.
  package let byteRounding: ByteRounding
  let pool: MemoryPool
  private let failure: ProductFailure

  /// A processor whose products are a library's.
  /// - Parameter choice: the library.
  /// - Throws: `CarinaError.usage` when the library cannot be started.
  package convenience init(_ choice: MatrixProductChoice) throws {
    let pool = MemoryPool(), failure = ProductFailure()
    self.init(try choice.provider(pool, failure), pool, failure)
  }

  /// A processor with the library that is chosen automatically.
  /// - Parameter byteRounding: how rows are rounded that meet weights in 8 bits; measurements try others.
  package convenience init(byteRounding: ByteRounding = .standard) {
    let pool = MemoryPool(), failure = ProductFailure()
    self.init(MatrixProductChoice.automatic(pool, failure), pool, failure, byteRounding)
  }

  private init(
    _ products: any MatrixProductProvider, _ pool: MemoryPool, _ failure: ProductFailure,
    _ byteRounding: ByteRounding = .standard
  ) {
    self.products = products
    self.byteRounding = byteRounding
    self.pool = pool
    self.failure = failure
  }

  /// See `Backend`.
  package var productName: String { products.name }

  /// See `Backend`: holds the team where products are of few rows; others are the library's, whose threads would not be
  /// at hand.
  package func decoding<Result>(rows: Int, _ body: () -> Result) -> Result {
    rows <= mostFewRows ? ThreadTeam.held(body) : body()
  }

  /// See `Backend`.
  package var byteEncoder: (any ByteEncoder)? { CPUByteEncoder(backend: self) }

  /// See `Backend`: the library prepares products of other shapes in the stead of those not used for longest.
  package func settle(_ isSettled: Bool) { products.settle(isSettled) }

  /// See `Backend`.
  package func throwFailure() throws { try failure.take() }
}
