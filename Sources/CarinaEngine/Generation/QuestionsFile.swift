import CarinaRuntime
import Foundation

/// A file of questions, JSON Lines: objects with `image` or `image_path`, `question` or `problem` (absent: empty), and
/// perhaps `id`. What is wrong with a line is told in its place, so that the others can be answered.
public struct QuestionsFile: Sendable {
  /// A line that is not blank.
  public struct Line: Sendable {
    /// Counted from 1.
    package let number: Int
    /// What it asks, or why it cannot be answered.
    public let question: Result<ImageQuestion, CarinaError>
  }

  /// The lines that are not blank, in order.
  public let lines: [Line]

  /// Reads a file, or with the path `-` standard input.
  /// - Parameter imageRoot: the directory in which relative image paths are looked up.
  /// - Throws: `CarinaError.missingInput` when it cannot be read, `.badData` when it holds no line or one of more than
  ///   16 MiB, or is longer than 4 GiB.
  public init(path: String, imageRoot: String?) throws {
    try self.init(path == "-" ? LineReader() : LineReader(path), imageRoot: imageRoot)
  }

  /// Reads lines from memory; `source` names them in errors.
  /// - Throws: `CarinaError.badData` when there is none.
  package init(_ data: Data, source: String, imageRoot: String?) throws {
    try self.init(LineReader(data, source: source), imageRoot: imageRoot)
  }

  private init(_ reader: LineReader, imageRoot: String?) throws {
    let source = reader.source
    var lines: [Line] = []
    while let bytes = try reader.next() {
      guard bytes.contains(where: { !($0 == 0x20 || (0x09...0x0d).contains($0)) }) else { continue }
      let location = "\(source), line \(reader.number)"
      let question = Result { () throws(CarinaError) in
        try QuestionsFile.question(bytes, at: location, imageRoot: imageRoot)
      }
      lines.append(Line(number: reader.number, question: question))
    }
    guard !lines.isEmpty else {
      throw CarinaError(
        .badData, "holds no question", at: source, expected: "one JSON object a line", found: "an empty file")
    }
    self.lines = lines
  }

  private static func question(
    _ data: Data, at location: String, imageRoot: String?
  ) throws(CarinaError) -> ImageQuestion {
    let object: JSONValue
    do {
      object = try JSONValue.parse(data, source: location)
    } catch let error as CarinaError {
      throw error
    } catch {
      throw CarinaError(.badData, "\(error)", at: location)
    }
    guard object.object != nil else {
      throw CarinaError(.badData, "is no question", at: location, expected: "a JSON object", found: object.kindName)
    }
    func text(_ names: [String]) throws(CarinaError) -> String? {
      guard let name = names.first(where: { object[$0] != nil }), let value = object[name], !value.isNull else {
        return nil
      }
      guard let text = value.string else {
        throw CarinaError(.badData, "\"\(name)\" is no text", at: location, found: value.kindName)
      }
      return text
    }
    guard let image = try text(["image", "image_path"]), !image.isEmpty else {
      throw CarinaError(.badData, "names no image", at: location, expected: "\"image\" or \"image_path\"")
    }
    let isAbsolute = image.hasPrefix("/") || imageRoot == nil
    return ImageQuestion(
      id: object["id"], imagePath: isAbsolute ? image : "\(imageRoot ?? "")/\(image)",
      question: try text(["question", "problem"]) ?? "")
  }
}
