import Foundation

/// Work done by several threads whose results come out in order, with a bound on how many wait.
enum OrderedWork {
  /// Calls `produce` for 0..<`count` on `workers` threads and `consume`, on the caller's thread, with the results in
  /// order.
  ///
  /// At most `4 * workers` results are in memory. `produce` returns failures as values.
  /// - Throws: what `consume` throws; the threads have ended by then.
  static func run<Output: Sendable>(
    count: Int, workers: Int, produce: @escaping @Sendable (Int) -> Output, consume: (Int, Output) throws -> Void
  ) throws {
    let workers = max(1, min(workers, count))
    let shared = Shared<Output>(count: count, window: 4 * workers)
    for _ in 0..<workers {
      let thread = Thread {
        while let index = shared.claim() { shared.put(index, produce(index)) }
        shared.leave()
      }
      thread.stackSize = 2 << 20
      shared.enter()
      thread.start()
    }
    defer { shared.stopAndWait() }
    for index in 0..<count { try consume(index, shared.take(index)) }
  }

  /// Unchecked because every variable is read and changed under the lock of `condition` alone.
  private final class Shared<Output: Sendable>: @unchecked Sendable {
    private let condition = NSCondition()
    private let count: Int
    private let window: Int
    private var next = 0
    private var taken = 0
    private var results: [Int: Output] = [:]
    private var threads = 0
    private var isStopped = false

    init(count: Int, window: Int) {
      self.count = count
      self.window = window
    }

    func enter() {
      condition.lock()
      threads += 1
      condition.unlock()
    }

    func leave() {
      condition.lock()
      threads -= 1
      condition.broadcast()
      condition.unlock()
    }

    /// The next piece of work, once there is room for its result; nil when there is no more.
    func claim() -> Int? {
      condition.lock()
      defer { condition.unlock() }
      while next < count && next >= taken + window && !isStopped { condition.wait() }
      guard next < count, !isStopped else { return nil }
      defer { next += 1 }
      return next
    }

    func put(_ index: Int, _ output: Output) {
      condition.lock()
      results[index] = output
      condition.broadcast()
      condition.unlock()
    }

    func take(_ index: Int) -> Output {
      condition.lock()
      defer { condition.unlock() }
      while true {
        if let output = results.removeValue(forKey: index) {
          taken = index + 1
          condition.broadcast()
          return output
        }
        condition.wait()
      }
    }

    func stopAndWait() {
      condition.lock()
      isStopped = true
      condition.broadcast()
      while threads > 0 { condition.wait() }
      condition.unlock()
    }
  }
}
