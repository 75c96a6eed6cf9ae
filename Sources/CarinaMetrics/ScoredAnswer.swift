/// One answer to be scored, with everything that a metric or a resampling unit may ask of it.
public struct ScoredAnswer: Equatable, Sendable {
  /// The sample's name, unique within a file of predictions.
  public var id: String
  /// The (first) image asked about; answers about one image are resampled together.
  public var image: String?
  /// The images behind the first, in their order.
  public var furtherImages: [String]
  /// The patient; answers about one patient are resampled together when all are known.
  package var patient: String?
  /// The question; empty for a caption.
  public var question: String
  /// What the model said.
  public var prediction: String
  /// What would have been right; at least one.
  public var references: [String]
  /// `CLOSED`, `OPEN` or whatever the data set says, trimmed and in upper case.
  public var answerType: String?
  /// The data set's kind of question (`PRES`, `POS`, …), as it is written.
  public var questionType: String?
  /// Negative log-likelihood of the reference, summed over its supervised tokens, in nats.
  package var nll: Double?
  /// How many supervised tokens `nll` covers.
  public var tokens: Int?

  /// Creates an answer; `answerType` is trimmed and put in upper case.
  public init(
    id: String, image: String? = nil, furtherImages: [String] = [], patient: String? = nil, question: String = "",
    prediction: String, references: [String], answerType: String? = nil, questionType: String? = nil,
    nll: Double? = nil,
    tokens: Int? = nil
  ) {
    self.id = id
    self.image = image
    self.furtherImages = furtherImages
    self.patient = patient
    self.question = question
    self.prediction = prediction
    self.references = references
    // VQA-RAD has rows whose type is "CLOSED " with a space.
    let type = answerType.map { PythonText.words($0).joined(separator: " ").uppercased() }
    self.answerType = type?.isEmpty == false ? type : nil
    self.questionType = questionType
    self.nll = nll
    self.tokens = tokens
  }

  /// Whether the data set calls the question closed.
  package var isClosed: Bool { answerType == "CLOSED" }

  /// Whether the data set calls the question open.
  package var isOpen: Bool { answerType == "OPEN" }

  /// Whether the answer counts as right: a closed one as `closed-accuracy` counts, another as `exact-match` does; nil
  /// for a caption, which has no question.
  package var isRight: Bool? {
    let cache = TokenCache()
    if isClosed { return ClosedAccuracy.isRight(prediction, references, cache) }
    return question.isEmpty ? nil : ExactMatch.isRight(self, cache)
  }
}
