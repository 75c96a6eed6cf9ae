import CRuntime

/// The process's one team of threads, shared by the engine's loops and by oneDNN.
///
/// ```swift
/// sums.withUnsafeMutableBufferPointer { sums in
///   ThreadTeam.run(taskCount: rows.count) { row in sums[row] = rows[row].reduce(0, +) }
/// }
/// ```
public enum ThreadTeam {
  /// How many threads the team has. The number belongs to the OpenMP runtime, which oneDNN reads too: set it once,
  /// before the first model runs.
  public static var count: Int {
    get { Int(carina_threads()) }
    set { carina_set_threads(Int32(clamping: newValue)) }
  }

  /// Runs `body` for 0..<`taskCount`, each once, in contiguous runs a thread; returns when all are done.
  ///
  /// `body` must not throw and must write only where no other task writes. A nested call runs serially.
  public static func run(taskCount: Int, _ body: (Int) -> Void) {
    withoutActuallyEscaping(body) { escaping in
      var box = TaskBox(body: escaping)
      withUnsafeMutablePointer(to: &box) { pointer in
        carina_parallel(
          Int64(taskCount),
          { context, task in
            context!.assumingMemoryBound(to: TaskBox.self).pointee.body(Int(task))
          }, pointer)
      }
    }
  }

  /// Runs `body` with the team's threads waiting awake, so that each of its loops begins at once; a sleeping thread
  /// takes tens of microseconds to wake, as long as many a loop of decoding.
  ///
  /// Matrix libraries inside `body` run on one thread. Digits are those of loops outside.
  package static func held<Result>(_ body: () -> Result) -> Result {
    var result: Result?
    withoutActuallyEscaping(body) { escaping in
      var box = HeldBox(body: { result = escaping() })
      withUnsafeMutablePointer(to: &box) { pointer in
        carina_hold_team({ $0!.assumingMemoryBound(to: HeldBox.self).pointee.body() }, pointer)
      }
    }
    guard let result else { preconditionFailure("the team left without running the body") }
    return result
  }

  private struct HeldBox { let body: () -> Void }
  private struct TaskBox { let body: (Int) -> Void }
}
