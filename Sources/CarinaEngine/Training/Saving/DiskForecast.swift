import CarinaRuntime
import CarinaTensor

/// How much a run will write, against the room that there is.
package struct DiskForecast: Sendable {
  private static let blockByteCount = 4096
  private static let filesOfCheckpoint = 4, filesOfModel = 32
  private static let logLineByteCount = 600

  /// Bytes of a checkpoint, and of the model as it is written at the end.
  package let checkpoint: Int, model: Int

  /// What is still to be written.
  package struct Remaining: Sendable {
    /// Optimizer steps to do.
    package let steps: Int
    /// Times that a better model may be found on held-out data; 0 without validation.
    package let validations: Int
    /// Checkpoints that lie there.
    package let checkpoints: Int
    /// Whether a best model lies there.
    package let hasBest: Bool

    /// Collects the numbers.
    package init(steps: Int, validations: Int, checkpoints: Int, hasBest: Bool) {
      self.steps = steps
      self.validations = validations
      self.checkpoints = checkpoints
      self.hasBest = hasBest
    }
  }

  /// - Parameters:
  ///   - trained: the weights that some epoch trains: numbers in fp32 and two moments of each.
  ///   - optimizer: decides how moments are kept.
  ///   - model: bytes of the model.
  package init(trained: [Parameter], optimizer: OptimizerChoice = .adamw, model: Int) {
    checkpoint = trained.reduce(3 * Self.blockByteCount) { sum, parameter in
      let saved = optimizer == .adamw8bit ? Parameter.byteCountSavedByEightBits(parameter.count) : 0
      return sum + 12 * parameter.count - saved + (saved > 0 ? 6 : 4) * (parameter.name.utf8.count + 120)
    }
    self.model = model + Self.filesOfModel * Self.blockByteCount
  }

  /// Refuses a run whose files will not fit.
  /// - Parameter kept: how many checkpoints stay.
  /// - Throws: `CarinaError.cannotWrite` with what is needed and what there is.
  package func require(_ remaining: Remaining, keeping kept: Int, in directory: String, _ space: DiskSpace) throws {
    // An old one goes when a new one is whole.
    let checkpoints = min(remaining.steps, max(1, kept + 1 - remaining.checkpoints))
    let best = min(remaining.validations, remaining.hasBest ? 1 : 2)
    let bytes = [(checkpoints, checkpoint), (best + 1, model), (remaining.steps, Self.logLineByteCount)].reduce(0) {
      let product = $1.0.multipliedReportingOverflow(by: $1.1)
      let sum = $0.addingReportingOverflow(product.partialValue)
      return product.overflow || sum.overflow ? Int.max : sum.partialValue
    }
    let parts = [
      checkpoints > 0 ? "\(checkpoints) × \(MemoryForecast.text(checkpoint)) of checkpoints" : nil,
      best > 0 ? "\(best) × \(MemoryForecast.text(model)) of the best model" : nil,
      "\(MemoryForecast.text(model)) of the final model", "\(remaining.steps) lines of the log",
    ].compactMap { $0 }
    try Self.require(
      bytes, files: checkpoints * Self.filesOfCheckpoint + (best + 1) * Self.filesOfModel, for: "the run",
      parts.joined(separator: ", "), in: directory, space)
  }

  /// Refuses a save that will not fit, so that it is not begun.
  /// - Parameter what: what is to be written, for the error.
  /// - Throws: `CarinaError.cannotWrite`.
  package func requireCheckpoint(_ what: String, in directory: String, _ space: DiskSpace) throws {
    try Self.require(checkpoint, files: Self.filesOfCheckpoint, for: what, nil, in: directory, space)
  }

  /// The same of a model.
  /// - Throws: `CarinaError.cannotWrite`.
  package func requireModel(_ what: String, in directory: String, _ space: DiskSpace) throws {
    try Self.require(model, files: Self.filesOfModel, for: what, nil, in: directory, space)
  }

  private static func require(
    _ bytes: Int, files: Int, for what: String, _ parts: String?, in directory: String, _ space: DiskSpace
  ) throws {
    let remedy = "Make room and run the same command again, or name another \(setting: .outputDirectory)."
    if let found = space.byteCount, found < bytes {
      throw CarinaError(
        .cannotWrite, "the free space is not enough for \(what)", at: directory,
        expected: MemoryForecast.text(bytes) + (parts.map { " (\($0))" } ?? ""), found: MemoryForecast.text(found),
        remedy: remedy)
    }
    if let found = space.fileCount, found < files {
      throw CarinaError(
        .cannotWrite, "the file system has no room for the files of \(what): it is out of inodes", at: directory,
        expected: "\(files) free inodes", found: "\(found)", remedy: remedy)
    }
  }
}
