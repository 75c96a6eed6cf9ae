import CarinaRuntime
import Foundation

/// The `checkpoints/` directory of a run: `step-1`, `step-2`, …, each whole or not there.
package struct RunCheckpoints: Sendable {
  /// Where it is.
  package let path: String

  /// The checkpoints under a run's output directory.
  package init(outputDirectory: String) { path = "\(outputDirectory)/checkpoints" }

  /// One of them.
  package struct Found: Equatable, Sendable {
    /// Optimizer steps done.
    package let step: Int
    /// Its directory.
    package let path: String
    /// Newer ones that were passed over because a file is missing in them, for the log.
    package let incomplete: [String]
  }

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

  /// The newest one that has all its files; nil when there is none.
  package func latest() -> Found? {
    var incomplete = [String]()
    for step in steps().reversed() {
      let directory = directory(step: step)
      if RunCheckpoints.isComplete(directory) { return Found(step: step, path: directory, incomplete: incomplete) }
      incomplete.append(directory)
    }
    return nil
  }

  /// Removes all but the newest `count` complete ones.
  /// - Throws: `CarinaError.cannotWrite`.
  package func prune(keeping count: Int) throws {
    for step in steps().filter({ RunCheckpoints.isComplete(directory(step: $0)) }).dropLast(max(count, 1)) {
      do {
        try FileManager.default.removeItem(atPath: directory(step: step))
      } catch {
        throw CarinaError(
          .cannotWrite, "an old checkpoint cannot be removed", at: directory(step: step),
          remedy: "Check the permissions of its directory.")
      }
    }
  }

  /// Steps of the directories there, ascending.
  private func steps() -> [Int] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.compactMap { name in
      guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)), "step-\(step)" == name, step >= 0 else {
        return nil
      }
      return step
    }.sorted()
  }

  private static func isComplete(_ directory: String) -> Bool {
    [TrainingState.stateName, TrainingState.weightsName, TrainingState.momentsName].allSatisfy {
      FileManager.default.fileExists(atPath: "\(directory)/\($0)")
    }
  }
}
