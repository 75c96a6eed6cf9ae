import Foundation

/// Loads batches on a thread of its own, a few ahead of the one being used.
///
/// The order is the caller's: batches come exactly as the sequence of numbers says, so a run that goes on from a
/// position starts with a sequence that starts there.
package final class ShardBatches {
  private let queue: BatchQueue

  /// Starts loading.
  /// - Parameters:
  ///   - batches: lists of sample numbers; asked for on the loading thread only.
  ///   - ahead: how many batches may wait, at least 1.
  package init(_ shards: ShardDirectory, batches: some Sequence<[Int]> & Sendable, ahead: Int = 4) {
    let queue = BatchQueue(capacity: max(1, ahead))
    self.queue = queue
    // The thread holds the queue but not this object: a loader that is let go of ends the queue, and with it the thread.
    let thread = Thread {
      for indices in batches {
        guard queue.deliver(Result { try shards.load(indices) }) else { return }
      }
      queue.end()
    }
    thread.name = "shard batches"
    thread.start()
  }

  deinit { queue.stop() }

  /// The next batch; nil after the last.
  /// - Throws: what loading it threw.
  package func next() throws -> [LoadedSample]? { try queue.next()?.get() }

  /// Seconds that `next` has waited since the last call of this function.
  package func takeWaitSeconds() -> Double { queue.takeWaitSeconds() }
}

/// A bounded queue between the loading thread and the user's.
private final class BatchQueue: @unchecked Sendable {
  private let capacity: Int
  private let condition = NSCondition()
  private var ready: [Result<[LoadedSample], Error>] = []
  private var isEnded = false
  private var isStopped = false
  private var waited = 0.0

  init(capacity: Int) { self.capacity = capacity }

  func next() -> Result<[LoadedSample], Error>? {
    condition.lock()
    defer { condition.unlock() }
    let start = ProcessInfo.processInfo.systemUptime
    while ready.isEmpty && !isEnded { condition.wait() }
    waited += ProcessInfo.processInfo.systemUptime - start
    guard !ready.isEmpty else { return nil }
    condition.broadcast()
    return ready.removeFirst()
  }

  func takeWaitSeconds() -> Double {
    condition.lock()
    defer { condition.unlock() }
    defer { waited = 0 }
    return waited
  }

  /// Waits for room; false when nobody wants more.
  func deliver(_ result: Result<[LoadedSample], Error>) -> Bool {
    condition.lock()
    defer { condition.unlock() }
    while ready.count >= capacity && !isStopped { condition.wait() }
    guard !isStopped else { return false }
    ready.append(result)
    condition.broadcast()
    return true
  }

  func end() {
    condition.lock()
    isEnded = true
    condition.broadcast()
    condition.unlock()
  }

  func stop() {
    condition.lock()
    isStopped = true
    isEnded = true
    condition.broadcast()
    condition.unlock()
  }
}
