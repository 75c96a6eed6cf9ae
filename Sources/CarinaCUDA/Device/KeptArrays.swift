import CarinaTensor
import Foundation

/// Small arrays on the card that come again and again, such as the numbers of rows that every layer reads: the most recent ones,
/// by their values.
// Unchecked: the lock guards everything that changes.
final class KeptArrays: @unchecked Sendable {
  private let lock = NSLock()
  private var arrays: [AnyHashable: (tensor: Tensor, moment: Int)] = [:]
  private var moment = 0
  private static let most = 64

  /// The array of this key, made where it is not there.
  func array(_ key: AnyHashable, _ make: () -> Tensor) -> Tensor {
    lock.withLock {
      moment += 1
      if let found = arrays[key] {
        arrays[key] = (found.tensor, moment)
        return found.tensor
      }
      if arrays.count >= KeptArrays.most, let oldest = arrays.min(by: { $0.value.moment < $1.value.moment }) {
        arrays[oldest.key] = nil
      }
      let tensor = make()
      arrays[key] = (tensor, moment)
      return tensor
    }
  }
}
