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

  package init(id: String, patient: String = "", study: String = "", view: String = "") {
    self.id = id
    self.patient = patient
    self.study = study
    self.view = view
  }
}
