import CCUDA
import Foundation

/// How long the card took for each kind of operation, by its own clock: for profiles, as the two marks around each operation keep
/// short ones from following one another closely.
// Unchecked: the lock guards everything that changes.
final class OperationTimes: @unchecked Sendable {
  private let driver: carina_cuda_driver, stream: carina_cu_object?
  private let lock = NSLock()
  private var marks: [(name: String, start: carina_cu_object?, end: carina_cu_object?)] = []

  init(_ driver: carina_cuda_driver, stream: carina_cu_object?) {
    self.driver = driver
    self.stream = stream
  }

  /// Runs what queues an operation between two marks.
  func around<Result>(_ name: String, _ body: () -> Result) -> Result {
    var start: carina_cu_object?, end: carina_cu_object?
    _ = driver.cuEventCreate(&start, 0)
    _ = driver.cuEventCreate(&end, 0)
    _ = driver.cuEventRecord(start, stream)
    let result = body()
    _ = driver.cuEventRecord(end, stream)
    lock.withLock { marks.append((name, start, end)) }
    return result
  }

  /// Waits for the card and adds up.
  func totals() -> [(name: String, count: Int, milliseconds: Double)] {
    _ = driver.cuStreamSynchronize(stream)
    var totals: [String: (count: Int, milliseconds: Double)] = [:]
    for mark in lock.withLock({ marks }) {
      var time: Float = 0
      guard driver.cuEventElapsedTime(&time, mark.start, mark.end) == 0 else { continue }
      let present = totals[mark.name] ?? (0, 0)
      totals[mark.name] = (present.count + 1, present.milliseconds + Double(time))
    }
    return totals.map { ($0.key, $0.value.count, $0.value.milliseconds) }.sorted { $0.2 > $1.2 }
  }
}
