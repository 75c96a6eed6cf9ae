/// One entry of a records file: an image with a question and its answer, or with a caption.
package struct SampleRecord: Equatable, Sendable {
  /// Path of the image as the source names it, usually relative to an image root.
  package var image: String
  /// The question; empty for a caption.
  package var question: String
  /// The answer, or the caption.
  package var answer: String
  /// Names the sample; unique within a source.
  package var id: String
  /// The patient; empty when unknown, which never means "a patient of its own".
  package var patient: String
  /// The study; empty when unknown.
  package var study: String
  /// The view; empty when unknown.
  package var view: String
  /// The split that the source names; may be empty.
  package var split: String
  /// OPEN, CLOSED or another word of the source; may be empty.
  package var answerType: String
  /// The source's word for the kind of question; may be empty.
  package var questionType: String

  package init(
    image: String, question: String, answer: String, id: String, patient: String = "", study: String = "",
    view: String = "", split: String = "", answerType: String = "", questionType: String = ""
  ) {
    self.image = image
    self.question = question
    self.answer = answer
    self.id = id
    self.patient = patient
    self.study = study
    self.view = view
    self.split = split
    self.answerType = answerType
    self.questionType = questionType
  }
}
