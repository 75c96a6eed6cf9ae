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
  /// Brightness of the radiograph (1 is usual).
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
