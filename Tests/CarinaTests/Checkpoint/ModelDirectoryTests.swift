import Foundation
import TestSupport
import Testing

import Carina

@Suite struct ModelDirectoryTests {
  private func golden(_ name: String) throws -> ModelDirectory {
    ModelDirectory(path: try CheckpointGoldens.path("model/\(name)"))
  }

  @Test("every golden decoder loads strictly, in both precisions")
  func decoders() throws {
    for name in [
      "gemma-1b-style", "gemma-bf16", "gemma-f16", "gemma-middle-dialect", "gemma-sharded", "gemma-window-long",
      "gemma-window-short", "joined-bare-tower/language_model", "joined-full-siglip/language_model",
      "joined-pre-norm/language_model",
    ] {
      for precision in [ElementType.float32, .bfloat16] {
        let part = try golden(name).loadDecoder(precision: precision)
        #expect(part.unknownKeys == [])
        #expect(part.summary.ignored.isEmpty)
        #expect(part.summary.weightCount == total(part.weights))
        #expect(part.model.parameters.allSatisfy { !$0.isTrainable })
      }
    }
    #expect(try golden("gemma-1b-style").loadDecoder(precision: .float32).model.config.endTokens == [1, 5])
  }

  private func total(_ weights: WeightsDirectory) -> Int {
    weights.names.reduce(0) { $0 + (weights.find($1)?.entry.count ?? 0) }
  }

  @Test("vision towers load from bare keys, old keys, and out of a whole SigLIP")
  func visionTowers() throws {
    let bare = try golden("joined-bare-tower/vision").loadVisionEncoder(precision: .float32)
    let old = try golden("vision-old-keys").loadVisionEncoder(precision: .float32)
    #expect(ParameterDigest(bare.model.parameters) == ParameterDigest(old.model.parameters))
    #expect(bare.summary.ignored.isEmpty)
    let whole = try golden("joined-full-siglip/vision").loadVisionEncoder(precision: .float32)
    #expect(whole.summary.ignored.allSatisfy { $0.name.hasPrefix("text_model.") || $0.name.hasPrefix("logit_") })
    #expect(whole.summary.ignored.count == 24)
    for name in ["siglip-gelu", "siglip-tanh"] {
      let part = try golden(name).loadSiglip(precision: .float32)
      #expect(part.summary.ignored.isEmpty)
      #expect(part.model.parameters.count == part.weights.names.count)
    }
    #expect(
      thrownCarinaError { try golden("joined-bare-tower/vision").loadSiglip(precision: .float32) }?.found
        == "siglip_vision_model")
    #expect(
      thrownCarinaError { try golden("gemma-bf16").loadVisionEncoder(precision: .float32) }?.what.contains(
        "gemma3_text") == true)
  }

  @Test("a projector without a configuration tells its sizes by its weights")
  func projector() throws {
    let part = try golden("joined-bare-tower/projection_layer").loadProjector(precision: .float32)
    #expect(part.model.config == ProjectorConfig(inputSize: 14, hiddenSize: 33, outputSize: 18))
    let error = try #require(thrownCarinaError { try golden("gemma-bf16").loadProjector(precision: .float32) })
    #expect(error.what.contains("not the weights of a projector"))
  }

  @Test("a configuration that disagrees with the tensors lists them all")
  func disagreement() throws {
    let directory = try TemporaryDirectory()
    let source = try golden("gemma-window-short")
    var config = try #require(try source.configuration().object)
    config["num_hidden_layers"] = 6
    config["layer_types"] = nil
    config["intermediate_size"] = 29
    try AtomicFile.write(JSONValue.object(config).serialized(), to: directory.file("config.json"))
    try FileManager.default.copyItem(
      atPath: source.file("model.safetensors"), toPath: directory.file("model.safetensors"))
    let error = try #require(
      thrownCarinaError { try ModelDirectory(path: directory.path).loadDecoder(precision: .float32) })
    #expect(error.kind == .badData)
    #expect(error.what.contains("13 missing: model.layers.5.input_layernorm.weight [20]"))
    #expect(
      error.what.contains("15 misshaped: model.layers.0.mlp.gate_proj.weight (expected [29, 20], found [28, 20])"))
  }

  @Test("what is written loads again with the same weights and configuration")
  func roundTrip() throws {
    let directory = try TemporaryDirectory()
    let transform = try ImageTransform(size: 12, mean: [0.1, 0.2, 0.3])
    let decoder = try golden("gemma-1b-style").loadDecoder(precision: .float32).model
    try ModelDirectoryWriter.write(decoder, to: directory.file("decoder"), type: .float32)
    let again = try ModelDirectory(path: directory.file("decoder")).loadDecoder(precision: .float32)
    #expect(again.model.config == decoder.config)
    #expect(again.unknownKeys == [])
    #expect(ParameterDigest(again.model.parameters) == ParameterDigest(decoder.parameters))

    let brain = try golden("gemma-bf16").loadDecoder(precision: .bfloat16).model
    try ModelDirectoryWriter.write(brain, to: directory.file("brain"), type: .bfloat16)
    let brainAgain = try ModelDirectory(path: directory.file("brain")).loadDecoder(precision: .bfloat16)
    #expect(ParameterDigest(brainAgain.model.parameters) == ParameterDigest(brain.parameters))
    #expect(try ModelDirectory(path: directory.file("brain")).configuration()["dtype"] == "bfloat16")

    let vision = try golden("joined-bare-tower/vision").loadVisionEncoder(precision: .float32).model
    try ModelDirectoryWriter.write(vision, transform: transform, to: directory.file("vision"), type: .float32)
    let visionAgain = try ModelDirectory(path: directory.file("vision")).loadVisionEncoder(precision: .float32).model
    #expect(visionAgain.config == vision.config)
    #expect(ParameterDigest(visionAgain.parameters) == ParameterDigest(vision.parameters))
    #expect(
      try CheckpointImageSettings(ofCheckpoint: directory.file("vision"), defaultSize: nil).transform == transform)

    let siglip = try golden("siglip-gelu").loadSiglip(precision: .float32).model
    try ModelDirectoryWriter.write(siglip, transform: transform, to: directory.file("siglip"), type: .float32)
    let siglipAgain = try ModelDirectory(path: directory.file("siglip")).loadSiglip(precision: .float32)
    #expect(siglipAgain.model.text.config == siglip.text.config)
    #expect(siglipAgain.unknownKeys == [])
    #expect(ParameterDigest(siglipAgain.model.parameters) == ParameterDigest(siglip.parameters))

    let projector = try golden("joined-bare-tower/projection_layer").loadProjector(precision: .float32).model
    try ModelDirectoryWriter.write(projector, to: directory.file("projector"), type: .float32)
    let projectorAgain = try ModelDirectory(path: directory.file("projector")).loadProjector(precision: .float32).model
    #expect(projectorAgain.config == projector.config)
    #expect(ParameterDigest(projectorAgain.parameters) == ParameterDigest(projector.parameters))
  }

  @Test("the tokenizer's files go along, and their absence is told")
  func tokenizer() throws {
    let directory = try TemporaryDirectory()
    let source = ModelDirectory(path: directory.file("source"))
    try AtomicFile.write("{}", to: source.file("tokenizer_config.json"))
    #expect(thrownCarinaError { try source.copyTokenizer(to: directory.file("target")) }?.kind == .missingInput)
    try AtomicFile.write("[1]", to: source.file("tokenizer.json"))
    try AtomicFile.write("weights", to: source.file("model.safetensors"))
    try source.copyTokenizer(to: directory.file("target"))
    let copied = try FileManager.default.contentsOfDirectory(atPath: directory.file("target")).sorted()
    #expect(copied == ["tokenizer.json", "tokenizer_config.json"])
    #expect(try String(contentsOfFile: directory.file("target/tokenizer.json"), encoding: .utf8) == "[1]")
  }
}
