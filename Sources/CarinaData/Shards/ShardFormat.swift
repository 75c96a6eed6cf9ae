/// Names and numbers of the shard format, version 1; `docs` and the README describe it, h5py reads it.
package enum ShardFormat {
  static let version = 1
  static let pixels = "/images/pixels"
  static let imageTexts = ["/images/id", "/images/patient", "/images/study", "/images/view"]
  static let sampleImage = "/samples/image"
  static let sampleTexts = [
    "/samples/id", "/samples/question", "/samples/answer", "/samples/answer_type", "/samples/question_type",
  ]
  static let manifest = "manifest.json"
  static let rejected = "rejected.jsonl"
  package static let remarks = "remarks.jsonl"

  static func fileName(_ index: Int) -> String {
    let digits = String(index)
    return "shard-\(String(repeating: "0", count: max(0, 5 - digits.count)))\(digits).h5"
  }
}

/// An image of a shard directory, without its pixels.
public struct ShardImage: Equatable, Sendable {
  /// The image's path as the records name it.
  public var id: String
  /// The patient; empty when unknown, which does not mean "another patient".
  package var patient: String
  /// The study; empty when unknown.
  package var study: String
  /// The view (PA, AP, LATERAL, …); empty when unknown.
  public var view: String

  /// An image's names.
  package init(id: String, patient: String = "", study: String = "", view: String = "") {
    self.id = id
    self.patient = patient
    self.study = study
    self.view = view
  }
}

/// A question and answer of a shard directory, or a caption: an answer with an empty question.
public struct ShardSample: Equatable, Sendable {
  /// Names the sample in predictions; unique within a source.
  public let id: String
  /// Row of the image within the directory.
  public let imageRow: Int
  /// The question; empty for a caption.
  public let question: String
  /// The answer or caption.
  public let answer: String
  /// OPEN, CLOSED or another word of the source; may be empty.
  public let answerType: String
  /// The source's word for the kind of question; may be empty.
  public let questionType: String
}
