/// How the beam crossed the chest.
public enum PhantomView: String, Codable, CaseIterable, Sendable {
  /// Portable, from the front: larger heart, high clavicles, scapulae over the lungs, shallow breath.
  case ap = "AP"
  /// Upright, from the back, in full inspiration.
  case pa = "PA"
}
