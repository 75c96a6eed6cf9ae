import CarinaRuntime

/// What the model answered to a held-out sample at a validation.
public struct ValidationAnswer: Equatable, Sendable {
  /// Optimizer steps done then.
  public let step: Int
  /// The sample's number in its shards, and its id.
  public let sample: Int, id: String
  /// The texts; a caption's question is empty.
  public let question: String, reference: String, answer: String
  /// `CLOSED`, `OPEN` or what the data set says; nil where it says nothing.
  package let answerType: String?
  /// Whether the answer counts as right; nil for a caption, which has no question.
  public let isRight: Bool?

  /// Collects the values.
  package init(
    step: Int, sample: Int, id: String, question: String, reference: String, answer: String, answerType: String?,
    isRight: Bool?
  ) {
    self.step = step
    self.sample = sample
    self.id = id
    self.question = question
    self.reference = reference
    self.answer = answer
    self.answerType = answerType
    self.isRight = isRight
  }

  /// Reads a line of `validation.jsonl`.
  /// - Throws: `CarinaError.badData`.
  package init(_ node: JSONNode) throws {
    self.init(
      step: try node["step"].count(), sample: try node["sample"].count(), id: try node["id"].text(),
      question: try node["question"].text(), reference: try node["reference"].text(),
      answer: try node["answer"].text(), answerType: node["answer_type"].value?.string,
      isRight: node["right"].value?.bool)
  }

  /// A line of `validation.jsonl`.
  package var json: JSONValue {
    var object = JSONObject([
      ("step", .integer(step)), ("sample", .integer(sample)), ("id", .string(id)), ("question", .string(question)),
      ("reference", .string(reference)), ("answer", .string(answer)),
    ])
    object["answer_type"] = answerType.map(JSONValue.string)
    object["right"] = isRight.map(JSONValue.bool)
    return .object(object)
  }
}
