/// A patient's build. Lengths are fractions of the image side; what is between 0 and 1 without a unit is a
/// position inside its usual range.
public struct PhantomAnatomy: Codable, Equatable, Sendable {
  /// From the midline to the inner chest wall where the chest is widest.
  public var lungHalfWidth: Double
  /// The height of the lung apices, from the upper edge of the image.
  public var apexHeight: Double
  /// The height of the right dome in full inspiration, from the upper edge of the image.
  public var domeHeight: Double
  /// How much lower the left dome stands.
  public var domeDifference: Double
  /// Thickness of the chest wall beside the lungs.
  public var wall: Double
  /// From one posterior rib to the next.
  public var ribSpacing: Double
  /// Fall of the ribs from the spine to the side.
  public var ribFall: Double
  /// How bright bones are (1 is usual).
  public var boneDensity: Double
  /// Width of the heart over the inner width of the chest when it is normal, in PA.
  public var normalRatio: Double
  /// The same when it is enlarged; the two ranges do not touch.
  public var enlargedRatio: Double
  /// Tilt of the heart's long axis in radians.
  public var heartTilt: Double
  /// Half the width of the upper mediastinum.
  public var mediastinum: Double
  /// Radius of the aortic knob.
  public var aorticKnob: Double
  /// Size of the gastric bubble.
  public var gastricBubble: Double
  /// How much the shadows of the breasts add; 0 for none.
  public var breast: Double
  /// Seeds the vessels.
  public var vesselSeed: UInt64
}

/// How one image was taken, and what chance put into it.
public struct PhantomAcquisition: Codable, Equatable, Sendable {
  /// Rotation of the image in radians.
  public var rotation: Double
  /// Displacement to the right.
  public var shiftX: Double
  /// Displacement downwards.
  public var shiftY: Double
  /// Magnification.
  public var zoom: Double
  /// How much wider the left lung looks than the right because the patient is turned (about 0).
  public var turn: Double
  /// How much higher the diaphragm stands than in full inspiration.
  public var expiration: Double
  /// Brightness of the film (1 is usual).
  public var exposure: Double
  /// Exponent of the grey scale (1 is usual).
  public var gamma: Double
  /// Standard deviation of the noise, in fractions of white.
  public var noise: Double
  /// Seeds the noise and the texture of the findings.
  public var noiseSeed: UInt64
  /// Where inside its zone or size range each finding lies, from −1 to 1.
  public var findingOffsets: [Double]
}
