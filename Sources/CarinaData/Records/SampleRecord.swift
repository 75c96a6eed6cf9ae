import CarinaRuntime

/// One entry of a records file: an image, or several, with a question and its answer, or with a caption.
package struct SampleRecord: Equatable, Sendable {
  /// An image behind the first one.
  package struct FurtherImage: Equatable, Sendable {
    /// Its path, as that of the first.
    package var image: String
    /// Its study and view; empty when unknown.
    package var study: String, view: String

    package init(image: String, study: String = "", view: String = "") {
      (self.image, self.study, self.view) = (image, study, view)
    }
  }

  /// Path of the (first) image as the source names it, usually relative to an image root.
  package var image: String
  /// The images behind the first one, in their order.
  package var further: [FurtherImage] = []
  /// The question; empty for a caption.
  package var question: String
  /// The answer, or the caption.
  package var answer: String
  /// Names the sample; unique within a source.
  package var id: String
  /// The patient; empty when unknown, which never means "a patient of its own".
  package var patient: String
  /// The study of the (first) image; empty when unknown.
  package var study: String
  /// The view of the (first) image; empty when unknown.
  package var view: String
  /// The split that the source names; may be empty.
  package var split: String
  /// OPEN, CLOSED or another word of the source; may be empty.
  package var answerType: String
  /// The source's word for the kind of question; may be empty.
  package var questionType: String
  /// Why no sample can be made of it; empty where one can.
  package var refusal = ""

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

  /// The paths of all images, in their order.
  package var images: [String] { [image] + further.map(\.image) }

  /// Takes the images behind the first, whose study and view stay unknown, and a refusal where there are too many.
  mutating func take(_ images: ImageList) {
    image = images.paths.first ?? ""
    further = images.paths.dropFirst().map { FurtherImage(image: $0) }
    if refusal.isEmpty { refusal = images.refusal ?? "" }
  }

  /// Takes the marks of images out of the question, and refuses the record where they do not match the images.
  mutating func takeMarks() {
    let marks = ImageMarks.count(in: question)
    guard marks > 0 else { return }
    if refusal.isEmpty { refusal = ImageMarks.mismatch(marks, images: images.count) ?? "" }
    question = ImageMarks.removed(from: question)
  }
}
