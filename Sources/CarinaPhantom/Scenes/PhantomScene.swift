/// Everything that one radiograph shows: enough to draw it and to write about it.
public struct PhantomScene: Codable, Equatable, Sendable {
  /// The patient, `p00001`.
  package var patient: String
  /// The visit, counted from 1; the patient's studies share the anatomy.
  package var study: Int
  /// The projection.
  public var view: PhantomView
  /// The patient's build.
  package var anatomy: PhantomAnatomy
  /// How this image was taken.
  package var acquisition: PhantomAcquisition
  /// What is to be reported.
  package var findings: PhantomFindings
  /// Chooses between the few orders in which a caption may go, and between phrasings of questions.
  package var wordingSeed: UInt64

  package init(
    patient: String, study: Int, view: PhantomView, anatomy: PhantomAnatomy, acquisition: PhantomAcquisition,
    findings: PhantomFindings, wordingSeed: UInt64
  ) {
    self.patient = patient
    self.study = study
    self.view = view
    self.anatomy = anatomy
    self.acquisition = acquisition
    self.findings = findings
    self.wordingSeed = wordingSeed
  }

  /// The name of the image without an extension: `p00001-s1`.
  public var name: String { "\(patient)-s\(study)" }
}
