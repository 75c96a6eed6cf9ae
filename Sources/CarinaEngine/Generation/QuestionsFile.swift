import CarinaRuntime
import Foundation

/// A file of questions, JSON Lines or a JSON list, plain or compressed by gzip: objects with `image` or `image_path` (a
/// text, or a list of up to eight), `question` or `problem` (absent: empty), and perhaps `id`. Keys whose value is null or NaN
/// are absent. What is wrong with a line is told where it stands, so that the others can be answered.
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
  /// How many images were found with slashes in place of the separators of Windows.
  public let windowsPaths: Int

  /// Reads a file, or with the path `-` standard input.
  /// - Parameter imageRoot: the directory in which relative image paths are looked up.
  /// - Throws: `CarinaError.missingInput` when it cannot be read, `.badData` when it holds no line or one of more than
  ///   16 MiB, or is longer than 4 GiB.
  public init(path: String, imageRoot: String?) throws {
    try self.init(path == "-" ? LineReader(pipedAs: "standard input") : LineReader(path), imageRoot: imageRoot)
  }

  /// Reads lines from memory; `source` names them in errors.
  /// - Throws: `CarinaError.badData` when there is none.
  package init(_ data: Data, source: String, imageRoot: String?) throws {
    try self.init(
      LineReader(TextFile.bytes(of: data, source: source), source: source), imageRoot: imageRoot)
  }

  private init(_ reader: LineReader, imageRoot: String?) throws {
    let source = reader.source
    var lines: [Line] = [], windowsPaths = 0
    while let bytes = try reader.next() {
      guard let first = bytes.first(where: { !QuestionsFile.isBlank($0) }) else { continue }
      if lines.isEmpty, first == UInt8(ascii: "[") {
        lines = try QuestionsFile.list(bytes, reader, imageRoot: imageRoot, &windowsPaths)
        break
      }
      let location = "\(source), line \(reader.number)"
      let question = Result { () throws(CarinaError) in
        try QuestionsFile.question(bytes, at: location, imageRoot: imageRoot, &windowsPaths)
      }
      lines.append(Line(number: reader.number, question: question))
    }
    guard !lines.isEmpty else {
      throw CarinaError(
        .badData, "holds no question", at: source, expected: "one JSON object a line", found: "an empty file")
    }
    (self.lines, self.windowsPaths) = (lines, windowsPaths)
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

  /// The entries of a JSON list that begins with a line.
  private static func list(
    _ start: Data, _ reader: LineReader, imageRoot: String?, _ windowsPaths: inout Int
  ) throws -> [Line] {
    var document = start
    // The line ends are kept, so that an error names the line.
    while let bytes = try reader.next() {
      document.append(UInt8(ascii: "\n"))
      document.append(bytes)
      try InputLimit.list.require(document.count, at: reader.source)
    }
    let entries = try JSONValue.parse(document, source: reader.source).array ?? []
    return entries.enumerated().map { index, entry in
      let question = Result { () throws(CarinaError) in
        try QuestionsFile.question(
          entry, at: "\(reader.source), entry \(index + 1)", imageRoot: imageRoot, &windowsPaths)
      }
      return Line(number: index + 1, question: question)
    }
  }

  private static func question(
    _ data: Data, at location: String, imageRoot: String?, _ windowsPaths: inout Int
  ) throws(CarinaError) -> ImageQuestion {
    let object: JSONValue
    do {
      object = try JSONValue.parse(data, source: location)
    } catch let error as CarinaError {
      throw error
    } catch {
      throw CarinaError(.badData, "\(error)", at: location)
    }
    return try question(object, at: location, imageRoot: imageRoot, &windowsPaths)
  }

  private static func question(
    _ object: JSONValue, at location: String, imageRoot: String?, _ windowsPaths: inout Int
  ) throws(CarinaError) -> ImageQuestion {
    guard object.object != nil else {
      throw CarinaError(.badData, "is no question", at: location, expected: "a JSON object", found: object.kindName)
    }
    func value(_ names: [String]) -> (name: String, value: JSONValue)? {
      names.lazy.compactMap { name in object[name].map { (name, $0) } }.first { !$0.value.isMissing }
    }
    func text(_ name: String, _ value: JSONValue) throws(CarinaError) -> String {
      guard let text = value.writtenText else {
        throw CarinaError(.badData, "\"\(name)\" is no text", at: location, found: value.kindName)
      }
      return text
    }
    let (asked, images) = (value(["question", "problem"]), value(["image", "image_path"]))
    guard let images else {
      let empty = ["image", "image_path"].first { object[$0] != nil }
      throw CarinaError(
        .badData, "names no image", at: location, expected: "\"image\" or \"image_path\"",
        found: empty.map { "\"\($0)\" is \(object[$0]?.kindName ?? "null")" })
    }
    var paths: [String] = []
    if case .array(let list) = images.value {
      guard (1...ImageMarks.imageLimit).contains(list.count) else {
        throw CarinaError(
          .badData, "\"\(images.name)\" names \(list.count) images", at: location,
          expected: "1 to \(ImageMarks.imageLimit) images a question")
      }
      for (index, value) in list.enumerated() { paths.append(try text("\(images.name)[\(index)]", value)) }
    } else {
      paths = [try text(images.name, images.value)]
    }
    guard !paths.contains("") else { throw CarinaError(.badData, "\"\(images.name)\" is empty", at: location) }
    let id = object["id"].flatMap { $0.isMissing ? nil : $0 }
    // The answer repeats it, and JSON has no word for NaN.
    if let id, (try? id.serialized()) == nil {
      throw CarinaError(.badData, "\"id\" cannot be written again", at: location, found: id.kindName)
    }
    return ImageQuestion(
      id: id, imagePaths: paths.map { found($0, imageRoot, &windowsPaths) },
      question: try asked.map { asked throws(CarinaError) in try text(asked.name, asked.value) } ?? "")
  }

  /// Where an image is: below the root unless its path is absolute, with slashes for the separators of Windows where
  /// only that is a file.
  private static func found(_ path: String, _ imageRoot: String?, _ windowsPaths: inout Int) -> String {
    func located(_ path: String) -> String {
      path.hasPrefix("/") ? path : imageRoot.map { "\($0)/\(path)" } ?? path
    }
    guard let slashed = WindowsPath.slashed(path), access(located(path), F_OK) != 0,
      access(located(slashed), F_OK) == 0
    else { return located(path) }
    windowsPaths += 1
    return located(slashed)
  }
}
