import CarinaRuntime
import Foundation

/// The training log as TensorBoard reads it: `tensorboard/events.out.tfevents.…` in a run's directory.
///
/// The file is made anew from the log whenever a run begins or goes on, so that it never shows a step twice, and grows
/// by an event a step. Of a validation it has the scalars, the texts of its answers, and the image of each sample once.
final class TensorBoardEvents {
  /// The directory's name in a run's directory.
  static let directoryName = "tensorboard"
  private static let prefix = "events.out.tfevents."
  private static let tags = [
    ("train/loss", "loss"), ("train/learning_rate", "learning_rate"), ("train/gradient_norm", "grad_norm"),
    ("validation/loss", "validation_loss"), ("validation/loss_shuffled", "validation_loss_shuffled"),
    ("validation/loss_blank", "validation_loss_blank"), ("validation/image_gap", "image_gap"),
    ("validation/closed_accuracy", "closed_accuracy"),
  ]

  private let path: String
  private let file: FileHandle
  private let pictures: (Int) throws -> [Data]
  private var pictured: Set<Int> = []

  /// Writes the steps of a log, and removes event files of before.
  /// - Parameters:
  ///   - log: the training log, cut to the steps done.
  ///   - answers: those of the validations in the log.
  ///   - pictures: the images of a held-out sample, each a PNG file.
  ///   - now: seconds since 1970; the steps of the log are dated back from it by the seconds that they took.
  /// - Throws: `CarinaError.cannotWrite`; `.badData` for a log that is none.
  init(
    run directory: String, log: String, answers: [ValidationAnswer] = [],
    pictures: @escaping (Int) throws -> [Data] = { _ in [] }, now: Double
  ) throws {
    self.pictures = pictures
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
      guard step["kind"] != nil, let number = step["step"]?.int else { continue }
      bytes.append(try Self.records(answers.filter { $0.step == number }, &pictured, pictures, time: time))
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

  /// Adds a step or a validation, as its line of the log has it.
  /// - Parameter answers: those of the validation.
  /// - Throws: `CarinaError.cannotWrite`; `.badData` for an image that cannot be read.
  func append(_ step: JSONValue, answers: [ValidationAnswer] = [], time: Double) throws {
    let bytes =
      Self.record(step, time: time).bytes + (try Self.records(answers, &pictured, pictures, time: time))
    do {
      try file.write(contentsOf: bytes)
    } catch {
      throw WriteFailure.error(path, "the events cannot be written")
    }
  }

  /// Texts of answers, and the images of those samples that have none yet.
  private static func records(
    _ answers: [ValidationAnswer], _ pictured: inout Set<Int>, _ pictures: (Int) throws -> [Data], time: Double
  ) throws -> Data {
    guard let step = answers.first?.step else { return Data() }
    var texts: [(tag: String, text: String)] = [], images: [(tag: String, png: Data)] = []
    for answer in answers {
      let tag = "validation/\(answer.id)"
      let question = answer.question.isEmpty ? "(a caption)" : answer.question
      texts.append(
        (tag, "**question** \(question)\n\n**reference** \(answer.reference)\n\n**answer** \(answer.answer)"))
      guard pictured.insert(answer.sample).inserted else { continue }
      let found = try pictures(answer.sample)
      for (index, png) in found.enumerated() { images.append((found.count > 1 ? "\(tag)/\(index + 1)" : tag, png)) }
    }
    return TensorBoardRecord(step: step, time: time, texts: texts, images: images).bytes
  }

  private static func record(_ step: JSONValue, time: Double) -> TensorBoardRecord {
    TensorBoardRecord(step: step["step"]?.int ?? 0, time: time, scalars: scalars(step))
  }

  /// The numbers of a line of the log by the tags under which they are shown.
  static func scalars(_ step: JSONValue) -> [(tag: String, value: Double)] {
    var scalars = tags.compactMap { tag, key in step[key]?.double.map { (tag: tag, value: $0) } }
    for (name, norm) in step["grad_norms"]?.object ?? JSONObject() {
      if let norm = norm.double { scalars.append(("gradient_norm/\(name)", norm)) }
    }
    for (name, noise) in step["gradient_noise"]?.object ?? JSONObject() {
      if let scale = noise["scale"]?.double { scalars.append(("gradient_noise/\(name)", scale)) }
    }
    if let tokens = step["supervised_tokens"]?.double, let seconds = step["seconds"]?.double, seconds > 0 {
      scalars.append(("train/supervised_tokens_per_second", tokens / seconds))
    }
    return scalars
  }
}
