import CarinaModel
import CarinaRuntime
import CarinaTensor
import CarinaText
import Foundation

/// What a run writes that began with a joined model of transformers: the same kind of directory, whole. What the run
/// trained is written in its precision; everything else has the bytes that it had.
struct JoinedRunOutput {
  let pipeline: JoinedPipeline
  let policy: FreezingPolicy
  let description: JoinedModelWriter.Description
  /// Weights that were changed in another way than by training, by the engine's names.
  var changed: Set<String> = []

  private var directory: ModelDirectory { pipeline.language.directory }
  private var kind: JoinedModelKind { directory.joinedKind ?? .gemma3 }

  /// About how many bytes `write` takes.
  var byteCount: Int {
    get throws {
      try tensors().reduce(pipeline.tokenizer.tokenizerByteCount) { $0 + $1.tensor.count * $1.type.byteCount }
    }
  }

  /// Writes the directory.
  /// - Throws: as `JoinedDirectoryWriter.write`.
  func write(to path: String) throws {
    let model = pipeline.model, generation = directory.file("generation_config.json")
    try JoinedDirectoryWriter(
      kind: kind, config: try configuration(),
      generation: directory.has("generation_config.json")
        ? try JSONValue.parseFile(generation) : model.decoder.config.generationJSON,
      tensors: try tensors(), type: policy.trainsDecoder || !changed.isEmpty ? pipeline.precision : try decoderType(),
      processor: JoinedProcessorFiles(
        tokenizer: pipeline.tokenizer, images: directory, transform: description.transform, processor: try processor())
    ).write(to: path) { part in
      var manifest = CarinaManifest(
        promptStyle: description.promptStyle, maximumQuestionTokens: description.maximumQuestionTokens,
        maximumAnswerTokens: description.maximumAnswerTokens, feature: model.feature,
        dropsFirstPatch: model.dropsFirstPatch, transform: description.transform, languageModel: part,
        visionEncoder: part, projector: part, training: description.training)
      manifest.system = description.system
      return manifest
    }
  }

  private func processor() throws -> JoinedProcessor {
    guard kind == .llava else { return .gemma3(tokensPerImage: pipeline.model.rowsPerImage) }
    let vision = pipeline.model.vision.config, decoder = pipeline.model.decoder.config
    let config = try LlavaConfig(
      json: directory.configuration(), vision: vision, vocabularySize: decoder.vocabularySize,
      source: directory.file("config.json"))
    let tokenizer = try TokenizerFactory.load(directory: pipeline.tokenizer.path)
    let image = tokenizer.piece(of: config.imageToken) ?? LlavaImagePiece(of: tokenizer).rawValue
    return .llava(config, image: image, patchSize: vision.patchSize, style: description.promptStyle)
  }

  /// The source's configuration, in which nothing changes but a tie that its weights contradict.
  private func configuration() throws -> JSONValue {
    let json = try directory.configuration()
    guard pipeline.model.decoder.config.hasOwnHead, case .object(var object) = json else { return json }
    object["tie_word_embeddings"] = false
    // The text part of a LLaVA is tied where it says nothing.
    if case .object(var text)? = object["text_config"], text["tie_word_embeddings"] != nil || kind == .llava {
      text["tie_word_embeddings"] = false
      object["text_config"] = .object(text)
    }
    return .object(object)
  }

  private func decoderType() throws -> ElementType {
    try pipeline.language.tensors.type(of: TensorFormat.embeddingName)
  }

  private func tensors() throws -> [JoinedDirectoryWriter.Written] {
    let model = pipeline.model, backend = model.backend, type = pipeline.precision
    func part<Model>(
      _ loaded: LoadedPart<Model>, _ parameters: [Parameter], _ format: TensorFormat, trained: [Parameter]
    ) throws -> [JoinedDirectoryWriter.Written] {
      let names = Set(trained.map(\.name))
      let written = try loaded.tensors.written(
        parameters, isTrained: { names.contains($0.name) || changed.contains($0.name) }, type: type, on: backend)
      return JoinedDirectoryWriter.named(written, format)
    }
    var all = try part(
      pipeline.language, model.decoder.parameters, .joinedDecoder, trained: policy.trainedParameters(of: model.decoder))
    all += try part(
      pipeline.vision, model.vision.parameters, .joinedVision,
      trained: policy.trainsVisionInFirstEpoch ? model.vision.trainedParameters(for: model.feature) : [])
    if let projector = pipeline.projector {
      all += try part(
        projector, model.projector.parameters, .projector(in: kind),
        trained: policy.trainsProjector ? model.projector.parameters : [])
    }
    return all
  }
}
