import CarinaRuntime
import Foundation

/// What a library of products reported first, kept until it can be thrown.
// Unchecked: the lock guards the one property that changes.
package final class ProductFailure: @unchecked Sendable {
  private let lock = NSLock()
  private var first: CarinaError?

  /// Nothing has failed.
  package init() {}

  /// Keeps a report unless there is an earlier one.
  package func note(_ error: CarinaError) { lock.withLock { if first == nil { first = error } } }

  /// Throws the report and forgets it.
  /// - Throws: the report.
  package func take() throws {
    let error = lock.withLock {
      defer { first = nil }
      return first
    }
    if let error { throw error }
  }
}
