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

  /// Removes the checkpoints before `step` that lack a file: a process was killed while it removed them.
  /// - Returns: what was removed.
  /// - Throws: `CarinaError.cannotWrite`.
  package func clearIncomplete(before step: Int) throws -> [String] {
    let incomplete = steps().filter { $0 < step && !RunCheckpoints.isComplete(directory(step: $0)) }
    for step in incomplete { try remove(step) }
    return incomplete.map { directory(step: $0) }
  }

  private func remove(_ step: Int) throws {
    let directory = directory(step: step), doomed = "\(directory).\(getpid()).partial"
    do {
      // Renamed first: a process that dies in between leaves what `AbandonedFiles` clears, and no half checkpoint.
      try FileManager.default.moveItem(atPath: directory, toPath: doomed)
      try FileManager.default.removeItem(atPath: doomed)
    } catch {
      throw CarinaError(
        .cannotWrite, "an old checkpoint cannot be removed", at: directory,
        remedy: "Check the permissions of its directory.")
    }
  }

  private static func isComplete(_ directory: String) -> Bool {
    [TrainingState.stateName, TrainingState.weightsName, TrainingState.momentsName].allSatisfy {
      FileManager.default.fileExists(atPath: "\(directory)/\($0)")
    }
  }
}
