import CarinaModel

/// Paths of layers in the models of transformers, and the engine's names of the same.
package enum AdapterModuleName {
  /// The part and the engine's name of a weight by its path in a Gemma3ForCausalLM or a joined model of any
  /// version of transformers, or in the model of one part alone.
  /// - Parameter part: the part whose model it is; nil for one of the two.
  static func resolve(_ path: String, _ part: AdaptedPart?) -> (part: AdaptedPart, name: String)? {
    switch part {
    case .visionEncoder?: return TensorFormat.vision.engineName(path).map { (.visionEncoder, $0) }
    case .projector?: return path.hasPrefix("model.") ? (.projector, path) : nil
    case .languageModel?, nil: break
    }
    if path.contains("vision_tower.") {
      return TensorFormat.joinedVision.engineName(path).map { (.visionEncoder, $0) }
    }
    if path.contains("multi_modal_projector.") {
      let name = TensorFormat.llavaProjector.engineName(path) ?? TensorFormat.joinedProjector.engineName(path)
      return name.map { (.projector, $0) }
    }
    guard let name = TensorFormat.joinedDecoder.engineName(path) ?? TensorFormat.decoder.engineName(path) else {
      return nil
    }
    return (.languageModel, name)
  }

  /// The path of a map of the engine in the model that PEFT would open.
  /// - Parameter joined: the joined model that this is; nil for the part's own model.
  package static func path(of map: String, _ part: AdaptedPart, in joined: JoinedModelKind?) -> String {
    func moved(_ prefix: String, to other: String) -> String {
      map.hasPrefix(prefix) ? other + map.dropFirst(prefix.count) : map
    }
    // A SiglipVisionModel of transformers 5 has no level of that name.
    guard let joined else { return part == .visionEncoder ? moved("vision_model.", to: "") : map }
    switch part {
    case .languageModel: return moved("model.", to: "model.language_model.")
    case .visionEncoder: return moved("vision_model.", to: "model.vision_tower.")
    case .projector: return "model." + TensorFormat.projector(in: joined).fileName(map)
    }
  }
}
