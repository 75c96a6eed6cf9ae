import CarinaRuntime
import Foundation

/// The `checkpoints/` directory of a run: `step-1`, `step-2`, …, each whole or not there.
package struct RunCheckpoints: Sendable {
  /// Where it is.
  package let path: String

  /// Names in a run's directory under which whole directories are replaced.
  package static let replacedNames = ["checkpoints", "best_model", "final_model"]

  /// The checkpoints under a run's output directory.
  package init(outputDirectory: String) { path = "\(outputDirectory)/checkpoints" }

  /// The directory of a step.
  package func directory(step: Int) -> String { "\(path)/step-\(step)" }

  /// Writes a state under its step.
  /// - Returns: the directory.
  /// - Throws: `CarinaError.cannotWrite`.
  @discardableResult
  package func write(_ state: TrainingState) throws -> String {
    let target = directory(step: state.progress.step)
    try state.write(to: target)
    return target
  }

  /// Steps of the checkpoints there, whole or not, ascending.
  package func steps() -> [Int] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.compactMap { name in
      guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)), "step-\(step)" == name, step >= 0 else {
        return nil
      }
      return step
    }.sorted()
  }

  /// Removes, once a checkpoint is written, all that a run does not go back to: all but the newest, those that lack a
  /// file, and those that are not the run's own, from before it went back to an earlier one.
  /// - Parameters:
  ///   - count: how many stay.
  ///   - isOwn: whether a step lies on the run's way.
  /// - Throws: `CarinaError.cannotWrite`.
  package func prune(keeping count: Int, _ isOwn: (Int) -> Bool) throws {
    let whole = steps().filter { isOwn($0) && RunCheckpoints.isComplete(directory(step: $0)) }
    let kept = Set(whole.suffix(max(count, 1)))
    for step in steps() where !kept.contains(step) { try remove(step) }
  }

  /// Removes, when a run goes on from `step`, what a process that died was about to remove: the checkpoints before it
  /// that lack a file, and those but for the newest.
  /// - Parameter count: how many stay, that of `step` among them.
  /// - Returns: those that lacked a file.
  /// - Throws: `CarinaError.cannotWrite`.
  package func clear(before step: Int, keeping count: Int) throws -> [String] {
    let earlier = steps().filter { $0 < step }
    let whole = earlier.filter { RunCheckpoints.isComplete(directory(step: $0)) }
    let kept = Set(whole.suffix(max(count - 1, 0)))
    for step in earlier where !kept.contains(step) { try remove(step) }
    return earlier.filter { !whole.contains($0) }.map { directory(step: $0) }
  }

  private func remove(_ step: Int) throws {
    try AtomicFile.remove(directory(step: step))
  }

  private static func isComplete(_ directory: String) -> Bool {
    [TrainingState.stateName, TrainingState.weightsName, TrainingState.momentsName].allSatisfy {
      FileManager.default.fileExists(atPath: "\(directory)/\($0)")
    }
  }
}
