import CarinaModel
import CarinaRuntime
import CarinaTensor

extension AdapterBundle {
  /// Reads the adapter and puts it beside the maps of a model, its whole weights in the place of the model's.
  /// - Throws: `CarinaError.badData` for numbers that cannot be computed with, and for an adapter that changes nothing.
  func attach(to model: VisionLanguageModel) throws {
    var changesAnything = false
    for file in files {
      let changes = try file.attach(to: model)
      changesAnything = changesAnything || changes
    }
    guard changesAnything else {
      throw CarinaError(
        .badData, "the adapter changes nothing: every one of its changes is 0", at: path,
        expected: "numbers other than 0 in lora_B",
        remedy: "It was saved before it was trained, or its weights were lost: train it, or leave it out.")
    }
  }
}

extension PeftAdapterFile {
  /// - Returns: whether anything of the model is another number than before.
  fileprivate func attach(to model: VisionLanguageModel) throws -> Bool {
    var changesAnything = try replaceWeights(of: model)
    for part in AdaptedPart.allCases {
      let own = changes.filter { $0.part == part }
      let maps = Dictionary(part.maps(of: model).map { (ExactText($0.name), $0) }, uniquingKeysWith: { $1 })
      for change in own {
        guard let map = maps[ExactText(change.map)] else {
          throw CarinaError(.internalFailure, "the model has no map \(change.map)", at: path)
        }
        func factor(_ entry: SafetensorsEntry, _ name: String) throws -> Parameter {
          let value = try tensor(entry, on: model.backend).converted(to: map.weight.value.elementType)
          return Parameter(name: "\(map.name).\(name).weight", value: value, decays: true)
        }
        let adapter = LowRankAdapter(
          map: map.name, a: try factor(change.a, "lora_A"), b: try factor(change.b, "lora_B"), scale: change.scale)
        map.adapters.append(adapter)
        changesAnything = changesAnything || adapter.changesTheMap
      }
    }
    return changesAnything
  }

  private func tensor(_ entry: SafetensorsEntry, on backend: any Backend) throws -> Tensor {
    let tensor = try weights.tensor(named: entry.name, on: backend)
    guard tensor.converted(to: .float32).isFinite else {
      throw CarinaError(
        .badData, "the adapter holds numbers that are not finite", at: weights.path, found: entry.name,
        remedy: "Fetch or train the adapter again.")
    }
    return tensor
  }

  private func replaceWeights(of model: VisionLanguageModel) throws -> Bool {
    guard !saved.isEmpty else { return false }
    var changesAnything = false
    // PEFT replaces modules: an embedding that is replaced leaves the head that was tied to it as it is.
    let decoder = model.decoder, savesHead = saved.contains { $0.name == TensorFormat.headName }
    let savesEmbedding = saved.contains { $0.name == TensorFormat.embeddingName }
    if !decoder.config.hasOwnHead, savesHead || savesEmbedding && !configuration.tiesEmbedding {
      decoder.setHead(
        Parameter(name: TensorFormat.headName, value: decoder.tokenEmbedding.value.copied(), decays: true))
    }
    for whole in saved {
      guard let parameter = whole.part.parameters(of: model).first(where: { $0.name.isExactly(whole.name) }) else {
        throw CarinaError(.internalFailure, "the model has no weight \(whole.name)", at: path)
      }
      let before = ParameterDigest([parameter])
      parameter.assign(try tensor(whole.entry, on: model.backend))
      changesAnything = changesAnything || !ParameterDigest([parameter]).changes(since: before).isEmpty
    }
    return changesAnything
  }
}
