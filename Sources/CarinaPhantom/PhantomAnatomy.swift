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

/// How one image was taken, and what chance put into it.
package struct PhantomAcquisition: Codable, Equatable, Sendable {
  /// Rotation of the image in radians.
  package var rotation: Double
  /// Displacement to the right.
  package var shiftX: Double
  /// Displacement downwards.
  package var shiftY: Double
  /// Magnification.
  package var zoom: Double
  /// How much wider the left lung looks than the right because the patient is turned (about 0).
  package var turn: Double
  /// How much higher the diaphragm stands than in full inspiration.
  package var expiration: Double
  /// Brightness of the film (1 is usual).
  package var exposure: Double
  /// Exponent of the grey scale (1 is usual).
  package var gamma: Double
  /// Standard deviation of the noise, in fractions of white.
  package var noise: Double
  /// Seeds the noise and the texture of the findings.
  package var noiseSeed: UInt64
  /// Where inside its zone or size range each finding lies, from −1 to 1.
  package var findingOffsets: [Double]
}
