import CarinaRuntime
import Foundation

/// The training log as TensorBoard reads it: `tensorboard/events.out.tfevents.…` in a run's directory.
///
/// The file is made anew from the log whenever a run begins or goes on, so that it never shows a step twice, and grows
/// by an event a step.
final class TensorBoardEvents {
  /// The directory's name in a run's directory.
  static let directoryName = "tensorboard"
  private static let prefix = "events.out.tfevents."
  private static let tags = [
    ("train/loss", "loss"), ("train/learning_rate", "learning_rate"), ("train/gradient_norm", "grad_norm"),
    ("validation/loss", "validation_loss"),
  ]

  private let path: String
  private let file: FileHandle

  /// Writes the steps of a log, and removes event files of before.
  /// - Parameters:
  ///   - log: the training log, cut to the steps done.
  ///   - now: seconds since 1970; the steps of the log are dated back from it by the seconds that they took.
  /// - Throws: `CarinaError.cannotWrite`; `.badData` for a log that is none.
  init(run directory: String, log: String, now: Double) throws {
    let target = "\(directory)/\(Self.directoryName)"
    try AtomicFile.makeDirectory(target)
    var steps: [JSONValue] = []
    let lines = try LineReader(log)
    while let line = try lines.next() {
      steps.append(try JSONValue.parse(line, source: "\(log), line \(lines.number)"))
    }
    var time = now - steps.reduce(0) { $0 + ($1["seconds"]?.double ?? 0) }
    var bytes = TensorBoardRecord(fileVersionAt: time).bytes
    for step in steps {
      time += step["seconds"]?.double ?? 0
      bytes.append(Self.record(step, time: time).bytes)
    }
    path = "\(target)/\(Self.prefix)\(Int(now)).carina"
    for name in (try? FileManager.default.contentsOfDirectory(atPath: target)) ?? []
    where name.hasPrefix(Self.prefix) && name.hasSuffix(".carina") {
      try? FileManager.default.removeItem(atPath: "\(target)/\(name)")
    }
    try AtomicFile.write(bytes, to: path)
    guard let file = FileHandle(forUpdatingAtPath: path) else {
      throw CarinaError(.cannotWrite, "the events cannot be opened", at: path, remedy: "Check its permissions.")
    }
    self.file = file
    do {
      try file.seekToEnd()
    } catch {
      throw WriteFailure.error(path, "the events cannot be written")
    }
  }

  /// Adds a step, as its line of the log has it.
  /// - Throws: `CarinaError.cannotWrite`.
  func append(_ step: JSONValue, time: Double) throws {
    do {
      try file.write(contentsOf: Self.record(step, time: time).bytes)
    } catch {
      throw WriteFailure.error(path, "the events cannot be written")
    }
  }

  private static func record(_ step: JSONValue, time: Double) -> TensorBoardRecord {
    var scalars = tags.compactMap { tag, key in step[key]?.double.map { (tag: tag, value: $0) } }
    for (name, norm) in step["grad_norms"]?.object ?? JSONObject() {
      if let norm = norm.double { scalars.append(("gradient_norm/\(name)", norm)) }
    }
    if let tokens = step["supervised_tokens"]?.double, let seconds = step["seconds"]?.double, seconds > 0 {
      scalars.append(("train/supervised_tokens_per_second", tokens / seconds))
    }
    return TensorBoardRecord(step: step["step"]?.int ?? 0, time: time, scalars: scalars)
  }
}
