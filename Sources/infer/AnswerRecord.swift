import Carina

/// An answer as a line of JSON.
enum AnswerRecord {
  /// What was asked, the answer, how many tokens it has, whether it came to its end, and where the time went.
  static func line(_ question: ImageQuestion, _ timed: TimedAnswer, _ answering: AnsweringModel) throws -> String {
    var object = JSONObject()
    object["id"] = question.id
    let images = question.imagePaths.map(JSONValue.string)
    object["image"] = images.count == 1 ? images[0] : .array(images)
    object["question"] = .string(question.question)
    object["answer"] = .string(timed.answer.text)
    object["tokens"] = .integer(timed.answer.tokens.count)
    object["prompt_tokens"] = .integer(timed.answer.promptRows)
    object["finish"] = timed.answer.reachedEnd ? "stop" : "limit"
    object["side_by_side"] = .integer(timed.groupSize)
    object["seconds"] = [
      "load": .number(answering.loadSeconds), "image": .number(timed.imageSeconds),
      "vision": .number(timed.visionSeconds), "prefill": .number(timed.prefillSeconds),
      "decode": .number(timed.decodeSeconds),
    ]
    return try JSONValue.object(object).serialized() + "\n"
  }

  /// A question without an answer: the line of the input, and why.
  static func line(_ number: Int, _ question: ImageQuestion?, _ error: CarinaError) throws -> String {
    var object = JSONObject()
    object["id"] = question?.id
    object["line"] = .integer(number)
    object["error"] = .string(error.description)
    return try JSONValue.object(object).serialized() + "\n"
  }
}
