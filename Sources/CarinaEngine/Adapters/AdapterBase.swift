import CarinaRuntime
import Foundation

/// `carina_adapter.json` beside an adapter that was trained here: the base that it stands on.
package struct AdapterBase: Equatable {
  /// The file's name.
  static let fileName = "carina_adapter.json"
  private static let formatVersion = 1

  /// The weights of each part, and where they were.
  package let parts: [AdaptedPart: CarinaManifest.Part]

  /// Collects the parts.
  init(languageModel: CarinaManifest.Part, visionEncoder: CarinaManifest.Part, projector: CarinaManifest.Part) {
    parts = [.languageModel: languageModel, .visionEncoder: visionEncoder, .projector: projector]
  }

  /// Reads the file of an adapter's directory; nil where there is none.
  /// - Throws: `CarinaError.badData`.
  init?(directory: String) throws {
    let path = "\(directory)/\(Self.fileName)"
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    let root = JSONNode(try .parseFile(path), source: path)
    let version = try root["format_version"].count()
    guard version == Self.formatVersion else { throw root["format_version"].failure("\(Self.formatVersion)") }
    _ = try root["base"].object()
    var parts: [AdaptedPart: CarinaManifest.Part] = [:]
    for part in AdaptedPart.allCases { parts[part] = try CarinaManifest.Part(root["base"][part.rawValue]) }
    self.parts = parts
  }

  /// Writes the file.
  /// - Throws: `CarinaError.cannotWrite`.
  func write(to directory: String) throws {
    let base = JSONObject(AdaptedPart.allCases.compactMap { part in parts[part].map { (part.rawValue, $0.json) } })
    let document: JSONValue = [
      "base": .object(base), "carina_version": .string(CarinaVersion.current),
      "format_version": .integer(Self.formatVersion),
    ]
    try document.write(to: "\(directory)/\(Self.fileName)")
  }
}
