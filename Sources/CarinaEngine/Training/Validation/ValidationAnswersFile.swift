import CarinaRuntime
import Foundation

/// `validation.jsonl`: what the model answered to held-out samples, a line an answer, in the order of the validations.
public final class ValidationAnswersFile {
  /// The file's name in a run's directory.
  public static let fileName = "validation.jsonl"
  private let path: String
  private let file: FileHandle
  /// The answers of the validations before.
  package let earlier: [ValidationAnswer]

  /// Opens the file of a run, and leaves out the answers of validations that the run does again.
  /// - Parameter steps: after which steps the run has validated.
  /// - Throws: `CarinaError.cannotWrite`; `.badData` for a line that is no answer.
  package init(directory: String, keeping steps: Set<Int>) throws {
    path = "\(directory)/\(Self.fileName)"
    let all = try Self.read(directory: directory)
    earlier = all.filter { steps.contains($0.step) }
    if earlier.count < all.count || !FileManager.default.fileExists(atPath: path) || Self.isTorn(path) {
      try AtomicFile.write(earlier.map { try Self.line($0) }.joined(), to: path)
    }
    guard let file = FileHandle(forUpdatingAtPath: path) else {
      throw CarinaError(.cannotWrite, "the answers cannot be opened", at: path, remedy: "Check its permissions.")
    }
    self.file = file
    do {
      try file.seekToEnd()
    } catch {
      throw WriteFailure.error(path, "the answers cannot be written")
    }
  }

  /// The answers in a run's directory; none where there is no file. A line that a death cut short is left out.
  /// - Throws: `CarinaError.badData` for a line that is no answer.
  public static func read(directory: String) throws -> [ValidationAnswer] {
    let path = "\(directory)/\(fileName)"
    guard FileManager.default.fileExists(atPath: path) else { return [] }
    let lines = try LineReader(path)
    var answers: [ValidationAnswer] = [], torn: Error?
    while let line = try lines.next() {
      if let torn { throw torn }
      let location = "\(path), line \(lines.number)"
      do {
        answers.append(try ValidationAnswer(JSONNode(try JSONValue.parse(line, source: location), source: location)))
      } catch {
        torn = error
      }
    }
    if let torn, !isTorn(path) { throw torn }
    return answers
  }

  private static func isTorn(_ path: String) -> Bool {
    guard let file = FileHandle(forReadingAtPath: path), let end = try? file.seekToEnd(), end > 0 else { return false }
    try? file.seek(toOffset: end - 1)
    return (try? file.read(upToCount: 1))?.first != UInt8(ascii: "\n")
  }

  private static func line(_ answer: ValidationAnswer) throws -> String { try answer.json.serialized() + "\n" }

  /// Adds the answers of a validation.
  /// - Throws: `CarinaError.cannotWrite`.
  package func append(_ answers: [ValidationAnswer]) throws {
    let data = Data(try answers.map { try Self.line($0) }.joined().utf8)
    do {
      try file.write(contentsOf: data)
    } catch {
      throw WriteFailure.error(path, "the answers cannot be written")
    }
  }

  /// Brings all lines to the disk, so that a checkpoint may refer to them.
  /// - Throws: `CarinaError.cannotWrite`.
  package func sync() throws {
    guard fsync(file.fileDescriptor) == 0 else { throw WriteFailure.error(path, "cannot be brought to the disk") }
  }
}
