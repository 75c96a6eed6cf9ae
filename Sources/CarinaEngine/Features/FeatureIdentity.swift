import CarinaData
import CarinaRuntime
import CarinaTensor

/// What kept vision features depend on besides the image: a file of them serves nothing else.
package struct FeatureIdentity: Equatable, Sendable {
  /// SHA-256 of the encoder's weights.
  package let weights: String
  /// The encoder's sizes and which of its outputs is taken, as one line of text.
  package let encoder: String
  /// From stored pixels to the encoder's numbers.
  package let transform: ImageTransform
  /// How the features are stored: bfloat16 where products run in it, fp32 elsewhere.
  package let elementType: ElementType
  /// Rows of an image, and their width.
  package let rowCount: Int, width: Int

  /// Collects the values.
  package init(
    weights: String, encoder: String, transform: ImageTransform, elementType: ElementType, rowCount: Int, width: Int
  ) {
    self.weights = weights
    self.encoder = encoder
    self.transform = transform
    self.elementType = elementType
    self.rowCount = rowCount
    self.width = width
  }

  /// Bytes of one image's features.
  package var byteCount: Int { rowCount * width * elementType.byteCount }

  /// Names of the attributes of a file.
  static let attributes = [
    "format", "format_version", "weights_sha256", "encoder", "transform_id", "transform_settings", "element_type",
  ]

  func write(to file: HDF5OutputFile) throws {
    try file.setAttribute("format", text: FeatureFile.format)
    file.setAttribute("format_version", integer: UInt32(FeatureFile.version))
    try file.setAttribute("weights_sha256", text: weights)
    try file.setAttribute("encoder", text: encoder)
    try file.setAttribute("transform_id", text: transform.id)
    try file.setAttribute("transform_settings", text: try transform.settings.serialized())
    try file.setAttribute("element_type", text: elementType.rawValue)
  }

  /// Refuses a file that was made for another encoder, transform or precision.
  /// - Throws: `CarinaError.badData` naming what differs.
  func require(_ file: HDF5InputFile) throws {
    guard try file.textAttribute("format") == FeatureFile.format,
      (FeatureFile.oldestVersion...FeatureFile.version).contains(try file.integerAttribute("format_version"))
    else { throw file.bad("holds no vision features of this version") }
    let facts = [
      ("weights_sha256", "other weights", weights), ("encoder", "another encoder, or another of its outputs", encoder),
      ("transform_id", "another image transform", transform.id),
      ("element_type", "another precision", elementType.rawValue),
    ]
    for (name, what, expected) in facts {
      let found = try file.textAttribute(name)
      guard found == expected else {
        let settings = name == "transform_id" ? try file.textAttribute("transform_settings") : nil
        throw CarinaError(
          .badData, "holds vision features of \(what)", at: file.path,
          expected: settings == nil ? expected : "\(expected) \(try transform.settings.serialized())",
          found: settings.map { "\(found) \($0)" } ?? found,
          remedy: "Name another file with \(setting: .visionFeatureCache) PATH, or remove this one.")
      }
    }
  }
}
