import CarinaData
import CarinaModel
import CarinaRuntime
import Foundation

/// The images that a vision encoder on disk takes, known before any image is prepared for it.
public struct EncoderImages: Sendable {
  /// Size, filter and normalisation; everything else as where nothing is said.
  public let transform: ImageTransform
  /// Where that stands, or what was assumed; for the header of a run.
  public let source: String

  /// Finds out.
  /// - Parameter reference: a directory or an id in the Hugging Face cache on disk: a SigLIP model or vision tower, a
  ///   joined model, or the `final_model` or `best_model` of a training run.
  /// - Throws: `CarinaError.missingInput` when it is not there, `.badData` for settings that are not understood or that
  ///   make other images than the encoder takes.
  public init(of reference: String) throws {
    if FileManager.default.fileExists(atPath: "\(reference)/\(CarinaManifest.fileName)") {
      let file = "\(reference)/\(CarinaManifest.fileName)"
      transform = try CarinaManifest(path: file).transform(source: file)
      source = file
      return
    }
    let directory = try ModelDirectory.locate(reference, for: .visionModel)
    let config = try VisionConfig(json: directory.configuration(), source: directory.file("config.json"))
    let settings = try directory.imageSettings(defaultSize: config.imageSize)
    try PipelineTransform(settings.transform, knowsPixels: false).require(config, at: directory.path)
    transform = settings.transform
    source = settings.source ?? settings.assumption ?? ""
  }
}
