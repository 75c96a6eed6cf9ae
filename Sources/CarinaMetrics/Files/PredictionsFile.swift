import CarinaRuntime
import Foundation

/// `predictions.jsonl`: one answer a line, written by the evaluator or by anybody else's program.
///
/// Needed on every line: `id`, `prediction`, and `reference` (a text) or `references` (a list of at least one).
/// Optional: `image` (a text, or a list of texts), `patient`, `question`, `answer_type`, `question_type`, `nll`, `tokens`. Numbers are taken for
/// their text, because data sets have answers such as 3. Other keys are left alone, and so are keys whose value is null
/// or NaN. Blank lines are allowed, and the file may be compressed by gzip.
///
/// ```json
/// {"id": "a1", "image": "scan.png", "question": "Is the heart enlarged?", "prediction": "no", "reference": "No"}
/// ```
package enum PredictionsFile {
  /// Reads a file.
  /// - Throws: `CarinaError.missingInput` when it cannot be read; `.badData` naming the line and the key when a line is
  ///   not as above or longer than 16 MiB, an `id` comes twice, there is no line at all, or the file is longer than 4 GiB.
  package static func read(_ path: String) throws -> [ScoredAnswer] {
    let lines = try LineReader(path)
    var answers: [ScoredAnswer] = []
    var lineOfID: [ExactText: Int] = [:]
    while let line = try lines.next() {
      let number = lines.number
      if line.allSatisfy({ $0 == 32 || $0 == 9 || $0 == 13 }) { continue }
      let location = "\(path), line \(number)"
      let answer = try answer(parse(line, at: location), at: location)
      if let earlier = lineOfID[ExactText(answer.id)] {
        throw CarinaError(
          .badData, "the id \"\(answer.id)\" is also that of line \(earlier)", at: location,
          remedy: "Give every answer an id of its own.")
      }
      lineOfID[ExactText(answer.id)] = number
      answers.append(answer)
    }
    guard !answers.isEmpty else {
      throw CarinaError(
        .badData, "there are no predictions in it", at: path, expected: "one JSON object a line", found: "0 lines")
    }
    return answers
  }

  /// Writes a file, all or nothing.
  /// - Throws: `CarinaError.cannotWrite`.
  package static func write(_ answers: [ScoredAnswer], to path: String) throws {
    try AtomicFile.write(answers.map { try line($0) + "\n" }.joined(), to: path)
  }

  /// One line of the file, without the line end.
  /// - Throws: `CarinaError.internalFailure` when `nll` is not finite.
  package static func line(_ answer: ScoredAnswer) throws -> String {
    var object = JSONObject()
    object["id"] = .string(answer.id)
    object["image"] =
      answer.furtherImages.isEmpty
      ? answer.image.map(JSONValue.string) : .array(([answer.image ?? ""] + answer.furtherImages).map(JSONValue.string))
    object["patient"] = answer.patient.map(JSONValue.string)
    object["question"] = .string(answer.question)
    object["prediction"] = .string(answer.prediction)
    object["reference"] = answer.references.first.map(JSONValue.string)
    if answer.references.count > 1 { object["references"] = .array(answer.references.map(JSONValue.string)) }
    object["answer_type"] = answer.answerType.map(JSONValue.string)
    object["question_type"] = answer.questionType.map(JSONValue.string)
    object["nll"] = answer.nll.map(JSONValue.number)
    object["tokens"] = answer.tokens.map(JSONValue.integer)
    return try JSONValue.object(object).serialized()
  }

  /// The parser counts the lines of what it is given, which here is always one: the file's own line is named instead.
  private static func parse(_ line: Data, at location: String) throws -> JSONValue {
    do {
      return try JSONValue.parse(line, source: location)
    } catch let error as CarinaError {
      throw CarinaError(error.kind, error.what, at: location, expected: error.expected, found: error.found)
    }
  }

  private static func answer(_ value: JSONValue, at location: String) throws -> ScoredAnswer {
    guard value.object != nil else {
      throw CarinaError(
        .badData, "the line is not an answer", at: location, expected: "an object", found: value.kindName)
    }
    let line = PredictionLine(node: JSONNode(value, source: location, wording: .results))
    let tokens = try line.optionalNumber("tokens").map { try line.count($0, "tokens") }
    let images = try line.images()
    return ScoredAnswer(
      id: try line.text("id"), image: images.first, furtherImages: Array(images.dropFirst()),
      patient: try line.optionalText("patient"),
      question: try line.optionalText("question") ?? "", prediction: try line.text("prediction"),
      references: try line.references(), answerType: try line.optionalText("answer_type"),
      questionType: try line.optionalText("question_type"), nll: try line.likelihood("nll", tokens: tokens),
      tokens: tokens)
  }
}

/// Access to one line's keys, with errors that name line and key.
private struct PredictionLine {
  let node: JSONNode

  func text(_ key: String) throws -> String {
    guard let text = try optionalText(key) else {
      throw failure(key, node[key].value.map { "is \($0.kindName)" } ?? "is missing", expected: "a text", found: nil)
    }
    return text
  }

  func optionalText(_ key: String) throws -> String? {
    guard let value = node[key].value, !value.isMissing else { return nil }
    return try value.writtenText ?? { throw failure(key, "is no text", expected: "a text", found: value.kindName) }()
  }

  /// The images, as a text or as a list.
  func images() throws -> [String] {
    guard let list = node["image"].value?.array else { return try optionalText("image").map { [$0] } ?? [] }
    return try list.map { value in
      try value.writtenText
        ?? { throw failure("image", "holds something else than a text", expected: "a text", found: value.kindName) }()
    }
  }

  func optionalNumber(_ key: String) throws -> Double? {
    guard let value = node[key].optional?.value else { return nil }
    guard let number = value.double else {
      throw failure(key, "is no number", expected: "a number", found: value.kindName)
    }
    return number
  }

  func count(_ number: Double, _ key: String) throws -> Int {
    guard let count = Int(exactly: number), count >= 0 else {
      throw failure(key, "is no count", expected: "a whole number from 0", found: String(number))
    }
    return count
  }

  /// A negative log-likelihood. One of thousands of nats a token comes from no model, and its exponential from no
  /// computer.
  func likelihood(_ key: String, tokens: Int?) throws -> Double? {
    guard let number = try optionalNumber(key) else { return nil }
    guard abs(number) <= 10_000 * Double(max(tokens ?? 1, 1)) else {
      throw failure(key, "is no likelihood", expected: "at most 10000 nats a token", found: String(number))
    }
    return number
  }

  func references() throws -> [String] {
    guard let value = node["references"].value, !value.isMissing else {
      guard let reference = try optionalText("reference") else {
        throw failure(
          "reference", node["reference"].value.map { "is \($0.kindName)" } ?? "is missing",
          expected: "\"reference\": a text, or \"references\": a list", found: nil)
      }
      return [reference]
    }
    guard let list = value.array, !list.isEmpty else {
      throw failure(
        "references", "is no list of references", expected: "a list of at least one text", found: value.kindName)
    }
    return try list.map { element in
      guard let text = element.writtenText else {
        throw failure("references", "holds something else than texts", expected: "a text", found: element.kindName)
      }
      return text
    }
  }

  private func failure(_ key: String, _ what: String, expected: String, found: String?) -> CarinaError {
    CarinaError(.badData, "the key \"\(key)\" \(what)", at: node.source, expected: expected, found: found)
  }
}
