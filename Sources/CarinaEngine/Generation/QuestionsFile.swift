import CarinaRuntime
import Foundation

/// A file of questions, JSON Lines or a JSON list: objects with `image` or `image_path`, `question` or `problem` (absent: empty), and
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
  /// - Throws: `CarinaError.missingInput` when it cannot be read, `.badData` when it holds no line.
  public init(path: String, imageRoot: String?) throws {
    let data: Data
    if path == "-" {
      data = FileHandle.standardInput.readDataToEndOfFile()
    } else {
      data = try JSONValue.readFile(path)
    }
    try self.init(data, source: path == "-" ? "standard input" : path, imageRoot: imageRoot)
  }

  /// Reads lines; `source` names them in errors.
  /// - Throws: `CarinaError.badData` when there is none.
  package init(_ data: Data, source: String, imageRoot: String?) throws {
    var lines: [Line] = []
    var number = 0
    if data.first(where: { !QuestionsFile.isBlank($0) }) == UInt8(ascii: "[") {
      let entries = try JSONValue.parse(data, source: source).array ?? []
      lines = entries.enumerated().map { index, entry in
        Line(
          number: index + 1,
          question: Result { () throws(CarinaError) in
            try QuestionsFile.question(entry, at: "\(source), entry \(index + 1)", imageRoot: imageRoot)
          })
      }
      guard !lines.isEmpty else { throw CarinaError(.badData, "holds no question", at: source, found: "an empty list") }
      self.lines = lines
      return
    }
    for bytes in data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      number += 1
      guard bytes.contains(where: { !QuestionsFile.isBlank($0) }) else { continue }
      let location = "\(source), line \(number)"
      let question = Result { () throws(CarinaError) in
        try QuestionsFile.question(Data(bytes), at: location, imageRoot: imageRoot)
      }
      lines.append(Line(number: number, question: question))
    }
    guard !lines.isEmpty else {
      throw CarinaError(
        .badData, "holds no question", at: source, expected: "one JSON object a line", found: "an empty file")
    }
    self.lines = lines
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

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
    return try question(object, at: location, imageRoot: imageRoot)
  }

  private static func question(
    _ object: JSONValue, at location: String, imageRoot: String?
  ) throws(CarinaError) -> ImageQuestion {
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
