import CarinaRuntime
import CarinaText
import Foundation

extension ModelDirectory {
  /// A projector that `torch.save` wrote, as ProjectionTrainer's stage 1 does: the file itself, or the only one of its kind in a
  /// directory that has no other weights; nil where there is none.
  /// - Throws: `CarinaError.missingInput` where there are several.
  static func torchProjector(_ path: String) throws -> ModelDirectory? {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else { return nil }
    guard isDirectory.boolValue else { return TorchArchive.isNamedSo(path) ? ModelDirectory(path: path) : nil }
    let directory = ModelDirectory(path: path)
    // Beside models and runs of the engine's own such files are something else.
    let others = ["config.json", "model.safetensors", "projection_layer", "final_model", "run.json"]
    guard !others.contains(where: directory.has) else { return nil }
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).filter(TorchArchive.isNamedSo)
    guard names.count > 1 else { return names.first.map { ModelDirectory(path: "\(path)/\($0)") } }
    throw CarinaError(
      .missingInput, "several files here may be the projector", at: path, expected: "one file that torch.save wrote",
      found: NameList.text(names.sortedExactly()), remedy: "Name the file that is meant.")
  }

  /// What there is to say of weights that came out of an archive of torch.
  static func torchRemarks(_ weights: WeightsDirectory) -> [String] {
    guard weights.files.contains(where: { $0.metadata["format"] == SafetensorsFile.torchFormat }) else { return [] }
    return [
      "\(weights.path): read as a state_dict that torch.save wrote; ProjectionTrainer trains without the first patch of an "
        + "image and in a layout of its own, which \(setting: FeatureSettingList.declared.dropsFirstPatch.name) and \(setting: PromptSettingList.declared.style.name) seed stand for"
    ]
  }
}
