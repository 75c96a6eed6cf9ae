import CarinaModel
import CarinaRuntime
import CarinaTensor

/// Writes trained adapters as PEFT does: `adapter_config.json` and `adapter_model.safetensors`, opened by its
/// `PeftModel.from_pretrained` over the base.
package struct AdapterWriter {
  private let adapters: TrainedAdapters
  private let wholeProjector: Projector?
  private let language: ModelDirectory, vision: ModelDirectory, projector: ModelDirectory?
  private let model: VisionLanguageModel

  /// - Parameters:
  ///   - language: where the decoder lies, alone or in a joined model; the same of the vision encoder.
  ///   - projector: the same of the projector; nil for a fresh one.
  ///   - wholeProjector: a projector that was trained whole over a joined model, and goes into the adapter.
  package init(
    _ adapters: TrainedAdapters, of model: VisionLanguageModel, language: ModelDirectory, vision: ModelDirectory,
    projector: ModelDirectory? = nil, wholeProjector: Projector? = nil
  ) {
    self.adapters = adapters
    self.model = model
    self.language = language
    self.vision = vision
    self.projector = projector
    self.wholeProjector = wholeProjector
  }

  /// Writes the decoder's adapter, and beside it those of a vision encoder and of a projector that are models of their
  /// own.
  /// - Throws: `CarinaError.cannotWrite`.
  package func write(to path: String) throws {
    let joined = language.joinedKind, sharesVision = joined != nil && vision == language
    // The projector of a LLaVA has affine maps, which PEFT finds in the same model.
    let sharesProjector = joined == .llava && projector == language
    var own: [AdaptedPart] = [.languageModel]
    if sharesVision { own.append(.visionEncoder) }
    if sharesProjector { own.append(.projector) }
    try write(own, base: language.reference, joined: joined, to: path)
    if !sharesVision, adapters.plan.touches(.visionEncoder) {
      try write(
        [.visionEncoder], base: vision.reference, joined: nil,
        to: "\(path)/\(AdaptedPart.visionEncoder.rawValue)")
    }
    if !sharesProjector, adapters.plan.touches(.projector) {
      try write([.projector], base: nil, joined: nil, to: "\(path)/\(AdaptedPart.projector.rawValue)")
    }
  }

  private func write(
    _ parts: [AdaptedPart], base: String?, joined: JoinedModelKind?, to path: String
  ) throws {
    var tensors: [(name: String, tensor: TensorSource, type: ElementType)] = [], paths: [String] = []
    for (part, adapter) in adapters.adapters where parts.contains(part) {
      let own = AdapterModuleName.path(of: adapter.map, part, in: joined)
      paths.append(own)
      for (factor, parameter) in [("lora_A", adapter.a), ("lora_B", adapter.b)] {
        tensors.append(
          ("base_model.model.\(own).\(factor).weight", TensorSource(trainedValueOf: parameter), .float32))
      }
    }
    let projector = parts.contains(.languageModel) && joined != nil ? wholeProjector : nil
    for parameter in projector?.parameters ?? [] {
      let own = AdapterModuleName.path(of: parameter.name, .projector, in: joined)
      tensors.append(("base_model.model.\(own)", TensorSource(trainedValueOf: parameter), .float32))
    }
    // What a list of short names would match: every map of the model that PEFT opens.
    let opened = joined == nil ? parts : AdaptedPart.allCases.filter { $0 != .projector || joined == .llava }
    var all = opened.flatMap { part in
      part.maps(of: model).map { AdapterModuleName.path(of: $0.name, part, in: joined) }
    }
    if parts.contains(.visionEncoder), model.vision.config.hasPoolingHead { all += Self.poolingHead }
    try configuration(
      targets: Self.targets(paths, of: all), base: base, isCausal: parts.contains(.languageModel),
      savesProjector: projector != nil
    ).write(to: "\(path)/\(AdapterDirectory.fileName)")
    try SafetensorsWriter.write(tensors, to: "\(path)/\(PeftAdapterFile.weightsName)")
  }

  /// Linear layers of a pooling head, through which no feature for a decoder passes.
  private static let poolingHead = ["head.attention.out_proj", "head.mlp.fc1", "head.mlp.fc2"]

  /// Last steps of the paths where they match these and no others, else the paths.
  private static func targets(_ paths: [String], of all: [String]) -> [String] {
    let last = Set(paths.map { $0.split(separator: ".").last.map(String.init) ?? $0 })
    let matched = all.filter { path in last.contains { LoraTargets.name($0, matches: path) } }
    return Set(matched) == Set(paths) ? last.sorted() : paths.sorted()
  }

  private func configuration(targets: [String], base: String?, isCausal: Bool, savesProjector: Bool) -> JSONValue {
    let settings = adapters.plan.settings
    return [
      "alpha_pattern": [:], "auto_mapping": nil, "base_model_name_or_path": base.map(JSONValue.string) ?? nil,
      "bias": "none", "fan_in_fan_out": false, "inference_mode": true, "init_lora_weights": true,
      "layers_pattern": nil, "layers_to_transform": nil,
      "lora_alpha": Int(exactly: settings.alpha).map(JSONValue.integer) ?? .number(settings.alpha),
      "lora_dropout": .number(settings.dropout),
      "modules_to_save": savesProjector ? ["multi_modal_projector"] : nil, "peft_type": "LORA",
      "r": .integer(adapters.plan.rank), "rank_pattern": [:], "revision": nil,
      "target_modules": .array(targets.map(JSONValue.string)), "task_type": isCausal ? "CAUSAL_LM" : nil,
      "use_dora": false, "use_rslora": .bool(settings.stabilizesRank),
    ]
  }
}
