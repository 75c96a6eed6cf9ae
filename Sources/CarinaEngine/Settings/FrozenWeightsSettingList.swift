import CarinaRuntime
import CarinaTensor

/// How the weights are kept that a run does not train.
public struct FrozenWeightsSettingList: SettingList {
  /// The declarations.
  public static let declared = FrozenWeightsSettingList()

  /// The decoder's.
  public let base = Setting(
    "base_weights", WeightStorage.full,
    help: "The frozen language model's matrices: full, or int8, rows of bytes in half the memory and time.",
    record: .unlessDefault)
  /// The vision encoder's.
  public let vision = Setting(
    "vision_weights", WeightStorage.full, help: "The frozen vision encoder's matrices likewise: full or int8.",
    record: .unlessDefault)

  /// Refuses weights in 8 bits on a device that does not multiply them.
  /// - Throws: `CarinaError.usage` that names the setting.
  static func require(_ values: SettingValues<FrozenWeightsSettingList>, on device: Device) throws {
    for (storage, name) in [(values.base, declared.base.name), (values.vision, declared.vision.name)] {
      try storage.require(on: device, "\(setting: name)")
    }
  }

  /// Refuses weights in 8 bits that are trained themselves.
  /// - Throws: `CarinaError.usage` that names the setting.
  static func require(_ values: SettingValues<FrozenWeightsSettingList>, frozen policy: FreezingPolicy) throws {
    let conflicts = [
      (
        values.base == .int8 && policy.trainsDecoder, declared.base.name, SettingName.unfreezeLanguageModel,
        "a frozen language model, with adapters beside it or a projector before it",
        "Add \(setting: LoraSettingList.declared.rank.name) 16, or leave \(setting: declared.base.name) out."
      ),
      (
        values.vision == .int8 && policy.trainsVisionInFirstEpoch, declared.vision.name, .trainVisionFirstEpoch,
        "a frozen vision encoder", "Leave one of the two out."
      ),
    ]
    for (holds, name, whole, expected, remedy) in conflicts where holds {
      throw CarinaError(
        .usage, "\(setting: name) int8 and \(setting: whole) cannot go together: rounded weights are not trained",
        expected: expected, remedy: remedy)
    }
  }
}

extension SettingValues<FrozenWeightsSettingList> {
  /// Whether any matrix is kept in 8 bits.
  package var hasBytes: Bool { self.base == .int8 || self.vision == .int8 }
}
