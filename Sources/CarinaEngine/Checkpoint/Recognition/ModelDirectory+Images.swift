import CarinaData
import CarinaModel
import CarinaRuntime

extension ModelDirectory {
  /// The image settings of a vision encoder's checkpoint, or of the joined model that it is a part of.
  /// - Parameter defaultSize: the size where no file names one.
  /// - Throws: as `CheckpointImageSettings.init`.
  package func imageSettings(defaultSize: Int?) throws -> CheckpointImageSettings {
    let isGemma3 = try JoinedModelKind(configuration: configuration()) == .gemma3
    return try CheckpointImageSettings(
      ofCheckpoint: path, defaultSize: defaultSize, kind: isGemma3 ? .gemma3 : .siglip)
  }
}
