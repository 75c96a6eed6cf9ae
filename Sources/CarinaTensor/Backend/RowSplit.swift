import CarinaRuntime

/// Divides a range of rows among the team of threads.
enum RowSplit {
  /// Calls `body` with runs of rows that together cover 0..<`rows`; runs in the caller when there is little to do.
  static func run(_ rows: Int, grain: Int, _ body: (Range<Int>) -> Void) {
    guard rows > 0 else { return }
    let parts = min(ThreadTeam.count, max(1, rows / max(grain, 1)))
    guard parts > 1 else { return body(0..<rows) }
    ThreadTeam.run(taskCount: parts) { body(rows * $0 / parts..<rows * ($0 + 1) / parts) }
  }

  /// How many rows of `width` elements make a share worth a thread.
  static func grain(width: Int) -> Int { max(1, 16384 / max(width, 1)) }

  /// Sums of `width` columns over `rows` rows, where `body` adds a run of rows to a partial sum.
  ///
  /// The runs depend on `rows` alone and are added in order, so the digits do not depend on the number of threads.
  static func reduceColumns(
    _ rows: Int, into targets: [Tensor?], width: Int, on backend: CPUBackend,
    _ body: (Range<Int>, [UnsafeMutablePointer<Float>?]) -> Void
  ) {
    let runLength = max(64, (rows + 31) / 32)
    let runs = (rows + runLength - 1) / runLength
    guard runs > 0 else { return }
    let partial = Tensor(zeros: [runs * targets.count, width], on: backend)
    let base = partial.floats
    ThreadTeam.run(taskCount: runs) { run in
      let pointers = targets.enumerated().map { index, target in
        target == nil ? nil : Optional(base + (run * targets.count + index) * width)
      }
      body(run * runLength..<min(rows, (run + 1) * runLength), pointers)
    }
    for (index, target) in targets.enumerated() {
      guard let target = target?.floats else { continue }
      for run in 0..<runs {
        let source = base + (run * targets.count + index) * width
        for column in 0..<width { target[column] += source[column] }
      }
    }
  }
}
