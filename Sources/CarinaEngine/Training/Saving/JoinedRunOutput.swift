import CarinaModel
import CarinaRuntime
import CarinaTensor
import Foundation

/// What a run writes that began with a `Gemma3ForConditionalGeneration`: the same kind of directory, whole. What the run
/// trained is written in its precision; everything else has the bytes that it had.
struct JoinedRunOutput {
  let pipeline: JoinedPipeline
  let policy: FreezingPolicy
  let description: JoinedModelWriter.Description

  private var directory: ModelDirectory { pipeline.language.directory }

  /// About how many bytes `write` takes.
  var byteCount: Int {
    get throws {
      try tensors().reduce(pipeline.tokenizer.tokenizerByteCount) { $0 + $1.tensor.count * $1.type.byteCount }
    }
  }

  /// Writes the directory.
  /// - Throws: as `JoinedGemma3Writer.write`.
  func write(to path: String) throws {
    let model = pipeline.model, generation = directory.file("generation_config.json")
    try JoinedGemma3Writer(
      config: try configuration(),
      generation: directory.has("generation_config.json")
        ? try JSONValue.parseFile(generation) : model.decoder.config.generationJSON,
      tensors: try tensors(), type: policy.trainsDecoder ? pipeline.precision : try decoderType(),
      processor: Gemma3ProcessorFiles(
        tokenizer: pipeline.tokenizer, images: directory, transform: description.transform,
        tokensPerImage: model.rowsPerImage)
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

  /// The source's configuration, in which nothing changes but a tie that its weights contradict.
  private func configuration() throws -> JSONValue {
    let json = try directory.configuration()
    guard pipeline.model.decoder.config.hasOwnHead, case .object(var object) = json else { return json }
    object["tie_word_embeddings"] = false
    if case .object(var text)? = object["text_config"], text["tie_word_embeddings"] != nil {
      text["tie_word_embeddings"] = false
      object["text_config"] = .object(text)
    }
    return .object(object)
  }

  private func decoderType() throws -> ElementType {
    try pipeline.language.tensors.type(of: TensorFormat.embeddingName)
  }

  private func tensors() throws -> [JoinedGemma3Writer.Written] {
    let model = pipeline.model, backend = model.backend, type = pipeline.precision
    func part<Model>(
      _ loaded: LoadedPart<Model>, _ parameters: [Parameter], _ format: TensorFormat, trained: [Parameter]
    ) throws -> [JoinedGemma3Writer.Written] {
      let names = Set(trained.map(\.name))
      let written = try loaded.tensors.written(
        parameters, isTrained: { names.contains($0.name) }, type: type, on: backend)
      return JoinedGemma3Writer.named(written, format)
    }
    var all = try part(
      pipeline.language, model.decoder.parameters, .joinedDecoder, trained: policy.trainedParameters(of: model.decoder))
    all += try part(
      pipeline.vision, model.vision.parameters, .joinedVision,
      trained: policy.trainsVisionInFirstEpoch ? model.vision.trainedParameters(for: model.feature) : [])
    if let projector = pipeline.projector {
      all += try part(
        projector, model.projector.parameters, .joinedProjector,
        trained: policy.trainsProjector ? model.projector.parameters : [])
    }
    return all
  }
}
