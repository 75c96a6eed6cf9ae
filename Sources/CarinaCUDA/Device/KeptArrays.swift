import CarinaTensor
import Foundation

/// Small arrays on the card that come again and again, such as the numbers of rows that every layer reads: the most recent ones,
/// by what they were made of.
// Unchecked: the lock guards everything that changes.
final class KeptArrays: @unchecked Sendable {
  /// What an array was made of.
  enum Key: Hashable {
    /// The memory of an array of the host, its count, and what was made of it.
    case memory(UInt, count: Int, purpose: Purpose)
    case plan(AttentionPlan.Key)
    case name(String)
  }

  /// What is made of an array of row numbers.
  enum Purpose: Hashable {
    case numbers, runs
  }

  private struct Kept {
    let tensor: Tensor
    /// Keeps the memory that a key names from being used for anything else.
    let owner: Any?
    var moment: Int
  }

  private let lock = NSLock()
  private var arrays: [Key: Kept] = [:]
  private var moment = 0
  private static let most = 64

  /// The array of this key, made where it is not there; `owner` is kept as long as it.
  func array(_ key: Key, owner: @autoclosure () -> Any? = nil, _ make: () -> Tensor) -> Tensor {
    lock.withLock {
      moment += 1
      if let index = arrays.index(forKey: key) {
        arrays.values[index].moment = moment
        return arrays.values[index].tensor
      }
      if arrays.count >= KeptArrays.most, let oldest = arrays.min(by: { $0.value.moment < $1.value.moment }) {
        arrays[oldest.key] = nil
      }
      let tensor = make()
      arrays[key] = Kept(tensor: tensor, owner: owner(), moment: moment)
      return tensor
    }
  }
}
