/// A patient's build. Lengths are fractions of the image side; what is between 0 and 1 without a unit is a
/// position inside its usual range.
package struct PhantomAnatomy: Codable, Equatable, Sendable {
  /// From the midline to the inner chest wall where the chest is widest.
  package var lungHalfWidth: Double
  /// The height of the lung apices, from the upper edge of the image.
  package var apexHeight: Double
  /// The height of the right dome in full inspiration, from the upper edge of the image.
  package var domeHeight: Double
  /// How much lower the left dome stands.
  package var domeDifference: Double
  /// Thickness of the chest wall beside the lungs.
  package var wall: Double
  /// From one posterior rib to the next.
  package var ribSpacing: Double
  /// Fall of the ribs from the spine to the side.
  package var ribFall: Double
  /// How bright bones are (1 is usual).
  package var boneDensity: Double
  /// Width of the heart over the inner width of the chest when it is normal, in PA.
  package var normalRatio: Double
  /// The same when it is enlarged; the two ranges do not touch.
  package var enlargedRatio: Double
  /// Tilt of the heart's long axis in radians.
  package var heartTilt: Double
  /// Half the width of the upper mediastinum.
  package var mediastinum: Double
  /// Radius of the aortic knob.
  package var aorticKnob: Double
  /// Size of the gastric bubble.
  package var gastricBubble: Double
  /// How much the shadows of the breasts add; 0 for none.
  package var breast: Double
  /// Seeds the vessels.
  package var vesselSeed: UInt64
}
