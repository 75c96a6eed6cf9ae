import CarinaRuntime

/// Work on rows that do not need one another, divided among the threads in runs: the operations inside a run are computed
/// by its thread alone, so what one hands to the next stays in the caches of a core, and threads meet once for all of them.
package enum RowRuns {
  /// Runs of about `usual` rows, as many for each thread of the team; nil where they would be shorter than `least`.
  package static func division(_ rows: Int, usual: Int, least: Int) -> [Range<Int>]? {
    let threads = ThreadTeam.count
    let runs = threads * max(1, (rows + usual * threads / 2) / (usual * threads))
    guard threads > 1, rows / runs >= least else { return nil }
    return (0..<runs).map { rows * $0 / runs..<rows * ($0 + 1) / runs }
  }

  /// Calls `body` for each run.
  package static func run(_ runs: [Range<Int>], _ body: (Range<Int>) -> Void) {
    ThreadTeam.run(taskCount: runs.count) { body(runs[$0]) }
  }
}
