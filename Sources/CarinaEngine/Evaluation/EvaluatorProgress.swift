import CarinaMetrics
import CarinaRuntime
import Foundation

/// What an evaluation that has not ended has done so far: `evaluation.partial/` in the output directory, with the
/// configuration and one growing file of answers an arm.
///
/// Answers are added batch by batch, so a killed run loses at most a batch. Only whole batches are taken up again: then
/// the resumed run forms the batches of an uninterrupted one and gives the same bytes.
final class EvaluatorProgress {
  private static let directoryName = "evaluation.partial"

  private let directory: String
  private let batchSize: Int
  private let total: Int
  private var files: [EvaluatorArm: FileHandle] = [:]

  /// Where an output directory keeps it.
  static func directory(in outputDirectory: String) -> String {
    (outputDirectory as NSString).appendingPathComponent(directoryName)
  }

  /// Opens what is there or starts afresh.
  /// - Parameters:
  ///   - configuration: everything that decides the answers.
  ///   - total: how many answers an arm will have.
  /// - Throws: `CarinaError.usage` when what is there was made with another configuration, `.cannotWrite`.
  init(outputDirectory: String, configuration: JSONValue, batchSize: Int, total: Int) throws {
    directory = Self.directory(in: outputDirectory)
    self.batchSize = batchSize
    self.total = total
    let path = "\(directory)/configuration.json"
    if FileManager.default.fileExists(atPath: path) {
      let recorded = try JSONValue.parseFile(path)
      let differences = ConfigurationDifference.list(recorded: recorded, asked: configuration)
      guard differences.isEmpty else {
        throw CarinaError(
          .usage,
          "an unfinished evaluation with another configuration is there: \(differences.joined(separator: "; "))",
          at: directory,
          remedy: "Repeat its options to go on, give another \(setting: .outputDirectory), or remove \(directory).")
      }
    } else {
      try AtomicFile.makeDirectory(directory)
      // Answers without the configuration that they were made with are of no use.
      for arm in EvaluatorArm.allCases where FileManager.default.fileExists(atPath: file(arm)) {
        try AtomicFile.remove(file(arm))
      }
      try configuration.write(to: path)
    }
  }

  /// The answers of an arm that are there: whole batches; what follows them, a torn last line included, is cut off.
  /// - Throws: `CarinaError.badData` naming the line that is no answer, `.cannotWrite`.
  func answers(of arm: EvaluatorArm) throws -> [EvaluatorAnswer] {
    let path = file(arm)
    guard FileManager.default.fileExists(atPath: path) else { return [] }
    var ends: [Int] = []
    let whole = try LineReader(path)
    while try whole.next() != nil { if whole.isTerminated { ends.append(whole.offset) } }
    let count = ends.count >= total ? total : ends.count / batchSize * batchSize
    let length = count == 0 ? 0 : ends[count - 1]
    if length < whole.offset {
      guard truncate(path, off_t(length)) == 0 else { throw failure(path) }
    }
    guard count > 0 else { return [] }
    let scored = try PredictionsFile.read(path), lines = try LineReader(path)
    return try scored.map { answer in
      let line = try JSONValue.parse(try lines.next() ?? Data(), source: path)
      return EvaluatorAnswer(scored: answer, isCut: try JSONNode(line, source: path)["cut"].optional?.flag() ?? false)
    }
  }

  /// Adds a batch at the end of an arm's file.
  /// - Throws: `CarinaError.cannotWrite`.
  func append(_ answers: [EvaluatorAnswer], to arm: EvaluatorArm) throws {
    let path = file(arm)
    if files[arm] == nil {
      if !FileManager.default.fileExists(atPath: path), !FileManager.default.createFile(atPath: path, contents: nil) {
        throw failure(path)
      }
      guard let opened = FileHandle(forWritingAtPath: path) else { throw failure(path) }
      _ = try opened.seekToEnd()
      files[arm] = opened
    }
    let text = try answers.map { try $0.line() }.joined()
    do {
      try files[arm]?.write(contentsOf: Data(text.utf8))
    } catch {
      throw failure(path)
    }
  }

  /// Forgets everything, once the evaluation is written.
  func remove() throws {
    files = [:]
    try AtomicFile.remove(directory)
  }

  private func file(_ arm: EvaluatorArm) -> String { "\(directory)/\(arm.rawValue).jsonl" }

  private func failure(_ path: String) -> CarinaError {
    CarinaError(
      .cannotWrite, "cannot be written: \(String(cString: strerror(errno)))", at: path,
      remedy: "Check the free space and the permissions of its directory.")
  }
}
