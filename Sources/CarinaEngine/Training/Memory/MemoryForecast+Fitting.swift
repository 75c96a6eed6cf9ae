import CarinaRuntime

// What a run chooses so that it fits into the memory.

extension MemoryForecast {
  /// The forecast with the choices that fit: packed copies of frozen weights are given up first, then activations.
  /// - Parameters:
  ///   - choice: whether blocks run again; nil when the memory is to decide.
  ///   - available: bytes that may be taken besides `base`; nil when nobody knows.
  /// - Throws: `CarinaError.usage` when it does not fit.
  package static func fitting(_ plan: Plan, base: Int, choice: Bool?, available: Int?) throws -> MemoryForecast {
    func fits(_ forecast: MemoryForecast) -> Bool { forecast.fits(available) }
    func smallest(isCheckpointed: Bool) -> MemoryForecast {
      packing(available) { packsFrozen in
        var plan = plan
        plan.packsFrozen = packsFrozen
        return MemoryForecast(plan, base: base, isCheckpointed: isCheckpointed)
      }
    }
    let plain = smallest(isCheckpointed: false), checkpointed = smallest(isCheckpointed: true)
    guard let available else { return choice ?? false ? checkpointed : plain }
    let chosen = choice.map { $0 ? checkpointed : plain } ?? (fits(plain) ? plain : checkpointed)
    guard fits(chosen) else {
      var remedies: [String] = []
      let batchSize = TrainingSettings.name(\.batchSize)
      let accumulation = TrainingSettings.name(\.gradientAccumulationSteps)
      if !chosen.isCheckpointed && fits(checkpointed) { remedies.append(SettingName.gradientCheckpointing.description) }
      if plan.batch.images > 1 { remedies.append("a smaller \(setting: batchSize) with more \(setting: accumulation)") }
      if plan.policy.trainsVisionInFirstEpoch { remedies.append("no \(setting: .trainVisionFirstEpoch)") }
      if plan.policy.trainsDecoder {
        remedies.append("\(setting: SettingName.unfreezeLanguageModel.off) with \(setting: .unfreezeProjector)")
      }
      if plan.optimizer == .adamw, plan.policy.trainsDecoder {
        remedies.append("\(setting: TrainingSettings.name(\.optimizer)) adamw8bit")
      }
      if plan.policy.trainsDecoder { remedies.append("adapters, \(setting: LoraSettingList.declared.rank.name) 16") }
      if !plan.policy.trainsDecoder, !plan.roundsDecoder, !plan.isOnDevice {
        remedies.append("\(setting: FrozenWeightsSettingList.declared.base.name) int8")
      }
      if plan.precision == .float32 { remedies.append("\(setting: .precision) bf16") }
      throw chosen.refusal(available, remedies)
    }
    return chosen
  }

  /// Whether it is within the bytes that may be taken besides `base`; nil when nobody knows.
  func fits(_ available: Int?) -> Bool { available.map { total - base <= $0 } ?? true }

  /// The forecast with packed copies of frozen weights, or where that does not fit without, if that is less.
  static func packing(_ available: Int?, _ forecast: (_ packsFrozen: Bool) -> MemoryForecast) -> MemoryForecast {
    let packed = forecast(true)
    guard !packed.fits(available) else { return packed }
    let small = forecast(false)
    return small.total >= packed.total ? packed : small
  }

  /// That it does not fit, with what would help.
  func refusal(_ available: Int, _ remedies: [String]) -> CarinaError {
    let last = "a machine with more memory, or \(setting: .memoryLimit) where the forecast is not believed"
    let ofDevice =
      host == nil ? [] : ["to end other programs on the card, see nvidia-smi", "another \(setting: .device)"]
    return CarinaError(
      .usage, "the run does not fit into the memory\(host == nil ? "" : " of the device")",
      expected: "at most \(MemoryForecast.text(available + base))", found: summary,
      remedy: "What would help: \((remedies + ofDevice + [last]).joined(separator: "; ")).")
  }
}
