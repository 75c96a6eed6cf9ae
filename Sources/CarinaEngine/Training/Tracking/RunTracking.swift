import CarinaRuntime
import Foundation

/// Where a run's log goes besides its file: TensorBoard, and an offline run of Weights & Biases, as far as each is wanted.
final class RunTracking {
  private let events: TensorBoardEvents?
  private let wandb: WandbRun?

  /// Writes what an earlier process logged.
  /// - Parameters:
  ///   - log: the training log, cut to the steps done.
  ///   - answers: those of the validations in it.
  ///   - pictures: the images of a held-out sample, each a PNG file.
  /// - Throws: `CarinaError.cannotWrite`, `.badData`.
  init(
    run directory: String, settings: TrainingSettings, configuration: JSONValue, log: String,
    answers: [ValidationAnswer], pictures: @escaping (Int) throws -> [Data]
  ) throws {
    let now = Self.now
    events =
      settings.writesTensorBoard
      ? try TensorBoardEvents(run: directory, log: log, answers: answers, pictures: pictures, now: now) : nil
    wandb = try settings.wandbProject.map {
      try WandbRun(run: directory, project: $0, log: log, configuration: configuration, now: now)
    }
  }

  /// Adds a line of the log.
  /// - Parameter answers: those of a validation.
  /// - Throws: `CarinaError.cannotWrite`, `.badData`.
  func append(_ line: JSONValue, answers: [ValidationAnswer] = []) throws {
    try events?.append(line, answers: answers, time: Self.now)
    try wandb?.append(line, time: Self.now)
  }

  /// Ends the run.
  /// - Throws: `CarinaError.cannotWrite`.
  func finish(exitCode: Int) throws { try wandb?.finish(exitCode: exitCode, time: Self.now) }

  /// Seconds since 1970, by which those pages date what they show.
  private static var now: Double { Double(time(nil)) }
}
