import Carina

extension JoinedModelDirectory {
  /// Hashes every byte of all parts and compares with the manifest; some seconds for a model of a billion weights.
  /// - Throws: `CarinaError.badData` naming the part that differs.
  public func verify() throws {
    for (part, directory) in [
      (manifest.languageModel, languageModel), (manifest.visionEncoder, visionEncoder), (manifest.projector, projector),
    ] {
      let found = try directory.weights().contentHash()
      guard found == part.identity.sha256 else {
        throw CarinaError(
          .badData, "these are not the weights that \(CarinaManifest.fileName) names", at: directory.path,
          expected: part.identity.sha256, found: found)
      }
    }
  }
}
