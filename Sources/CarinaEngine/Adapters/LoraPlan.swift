import CarinaModel
import CarinaRuntime
import CarinaTensor

/// Which maps of a model get adapters, known from the configurations before a weight is read.
package struct LoraPlan {
  /// An affine map that gets an adapter.
  package struct Map: Equatable {
    /// The part that it belongs to, and its name in the checkpoint without `.weight`.
    package let part: AdaptedPart, name: String
    /// Its sizes.
    package let inputs: Int, outputs: Int
  }

  /// What was asked for, and the rank.
  package let settings: SettingValues<LoraSettingList>, rank: Int
  /// The maps, part by part in the order of the constructors.
  package let maps: [Map]

  /// Finds the maps.
  /// - Returns: nil where no adapters are asked for.
  /// - Throws: `CarinaError.usage` for names that no map has, and for a projector without maps.
  package init?(
    _ settings: SettingValues<LoraSettingList>, decoder: DecoderConfig, vision: VisionConfig,
    projector: ProjectorConfig
  ) throws {
    guard let rank = settings.rank else { return nil }
    self.settings = settings
    self.rank = rank
    var all = LoraPlan.maps(of: TensorTable(of: decoder), .languageModel)
    if settings.adaptsVision { all += LoraPlan.maps(of: TensorTable(of: vision), .visionEncoder) }
    if case .names(let names) = settings.targets {
      let missing = names.filter { name in !all.contains { LoraTargets.name(name, matches: $0.name) } }
      guard missing.isEmpty else {
        var known = [String]()
        for map in all {
          let last = map.name.split(separator: ".").last.map(String.init) ?? map.name
          if !known.contains(last) { known.append(last) }
        }
        throw CarinaError(
          .usage, "\(setting: LoraSettingList.declared.targets.name) names layers that the model does not have",
          expected: "all-linear, or some of \(known.joined(separator: ", "))", found: missing.joined(separator: ", "),
          remedy: missing.contains { LoraPlan.visionNames.contains($0) } && !settings.adaptsVision
            ? "Add \(setting: LoraSettingList.declared.adaptsVision.name) for layers of the vision encoder." : nil)
      }
    }
    var maps = all.filter { settings.targets.matches($0.name) }
    if settings.adaptsProjector {
      guard projector.form != .gemma3 else {
        throw CarinaError(
          .usage, "\(setting: LoraSettingList.declared.adaptsProjector.name) cannot be used",
          expected: "an MLP projector", found: "Gemma 3's, which is one matrix without a linear layer",
          remedy: "Train it whole: \(setting: .unfreezeProjector).")
      }
      maps += LoraPlan.maps(of: TensorTable(of: projector), .projector)
    }
    self.maps = maps
  }

  private static let visionNames = ["out_proj", "fc1", "fc2"]

  private static func maps(of table: TensorTable, _ part: AdaptedPart) -> [Map] {
    table.rows.filter { $0.shape.count == 2 && (part == .projector || $0.isBlockMatrix) }.map { row in
      Map(part: part, name: String(row.name.dropLast(".weight".count)), inputs: row.shape[1], outputs: row.shape[0])
    }
  }

  /// alpha / rank, or alpha / √rank.
  package var scale: Double {
    settings.alpha / (settings.stabilizesRank ? Double(rank).squareRoot() : Double(rank))
  }

  /// Numbers of all adapters of a part.
  package func count(of part: AdaptedPart) -> Int {
    maps.reduce(0) { $0 + ($1.part == part ? rank * ($1.inputs + $1.outputs) : 0) }
  }

  /// Numbers of all adapters.
  package var count: Int { AdaptedPart.allCases.reduce(0) { $0 + count(of: $1) } }

  /// Bytes that moments in 8 bits save, see `Parameter.byteCountSavedByEightBits`.
  var byteCountSavedByEightBits: Int {
    maps.reduce(0) { sum, map in
      sum + [map.inputs, map.outputs].reduce(0) { $0 + Parameter.byteCountSavedByEightBits(rank * $1) }
    }
  }

  /// Whether a part has adapters.
  package func touches(_ part: AdaptedPart) -> Bool { maps.contains { $0.part == part } }

  /// Puts fresh adapters beside the maps: B of zeros, A uniform within ±1/√inputs as PEFT has it (Kaiming, a = √5), each
  /// map's numbers from its name and the seed.
  package func attach(to model: VisionLanguageModel, seed: UInt64) -> TrainedAdapters {
    let dropout = AdapterDropout(probability: settings.dropout, seed: seed)
    var adapters: [(part: AdaptedPart, adapter: LowRankAdapter)] = []
    for part in AdaptedPart.allCases {
      let wanted = Set(maps.lazy.filter { $0.part == part }.map(\.name))
      for map in part.maps(of: model) where wanted.contains(map.name) {
        let type = map.weight.value.elementType, inputs = map.weight.shape[1]
        let a = Tensor([rank, inputs], on: model.backend) { bytes in
          let numbers = bytes.bindMemory(to: Float.self), bound = 1 / Double(inputs).squareRoot()
          var generator = SeededGenerator(seed: seed, stream: "lora_A." + map.name)
          for index in numbers.indices { numbers[index] = Float(generator.uniform(in: -bound..<bound)) }
        }
        let b = Tensor(zeros: [map.weight.shape[0], rank], elementType: type, on: model.backend)
        let adapter = LowRankAdapter(
          map: map.name, a: Parameter(name: "\(map.name).lora_A.weight", value: a.converted(to: type), decays: true),
          b: Parameter(name: "\(map.name).lora_B.weight", value: b, decays: true), scale: scale, dropout: dropout)
        map.adapters.append(adapter)
        adapters.append((part, adapter))
      }
    }
    return TrainedAdapters(plan: self, adapters: adapters, dropout: dropout)
  }
}
