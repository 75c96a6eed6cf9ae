/// The patient's side. The patient's left is on the right of the image.
package enum PhantomSide: String, Codable, CaseIterable, Sendable {
  /// The patient's right: the left half of the image.
  case right
  /// The patient's left: the right half of the image.
  case left

  /// The direction away from the midline in image coordinates: −1 for the patient's right, +1 for the left.
  var direction: Float { self == .right ? -1 : 1 }

  /// The other side.
  package var opposite: PhantomSide { self == .right ? .left : .right }
}
