import CarinaRuntime
import Foundation

/// What lay ahead of the step at which a run became a branch: a run directory of its own, `set_aside/1`, in which the
/// line that was left can be gone on with.
struct RunSetAside {
  /// Before the number of a directory.
  static let prefix = "set_aside/"
  private let outputDirectory: String
  private let branch: RunBranch
  private let target: String

  /// Nil where nothing lies ahead of a branch.
  init?(_ branch: RunBranch, in outputDirectory: String) {
    guard let name = branch.setAside else { return nil }
    self.outputDirectory = outputDirectory
    self.branch = branch
    target = "\(outputDirectory)/\(name)"
  }

  /// The directory of a number as it is written; nil for anything else.
  static func name(_ number: some StringProtocol) -> String? {
    Int(number).flatMap { $0 > 0 && "\($0)" == number ? "\(prefix)\($0)" : nil }
  }

  /// Copies record, log, answers and a best model that stays, as they are, before any is changed. Done again it replaces
  /// the copies.
  /// - Throws: `CarinaError.cannotWrite`.
  func begin() throws {
    try AtomicFile.writeDirectory(to: target) { path in
      for name in [RunRecord.fileName, TrainingLog.fileName, ValidationAnswersFile.fileName]
        + (branch.movesBest ? [] : ["best_model"])
      {
        let source = "\(outputDirectory)/\(name)"
        guard FileManager.default.fileExists(atPath: source) else { continue }
        do {
          try FileManager.default.copyItem(atPath: source, toPath: "\(path)/\(name)")
        } catch {
          throw CarinaError(
            .cannotWrite, "cannot be copied: \(error.localizedDescription)", at: source,
            remedy: "Check the free space.")
        }
      }
    }
  }

  /// Moves the checkpoints ahead of the branch and the models that they led to. Done again it moves the rest.
  /// - Throws: `CarinaError.cannotWrite`.
  func move() throws {
    let (from, to) = (
      RunCheckpoints(outputDirectory: outputDirectory), RunCheckpoints(outputDirectory: target)
    )
    try AtomicFile.makeDirectory(to.path)
    for step in from.steps() where step > branch.step {
      try DiskSync.move(from.directory(step: step), to: to.directory(step: step))
    }
    for name in ["final_model"] + (branch.movesBest ? ["best_model"] : [])
    where FileManager.default.fileExists(atPath: "\(outputDirectory)/\(name)") {
      try DiskSync.move("\(outputDirectory)/\(name)", to: "\(target)/\(name)")
    }
  }
}
