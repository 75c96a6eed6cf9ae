import Testing

import Carina

@Suite struct ConfigDialectTests {
  @Test("transformers 5: layer_types and rope_parameters for each kind")
  func presentDialect() throws {
    let reading = try DecoderConfig.read(
      CheckpointGoldens.json("model/gemma-window-long/config.json"), source: "config.json")
    let (config, unknown) = (reading.config, reading.unknownKeys)
    let expected = DecoderConfig(
      vocabularySize: 47, hiddenSize: 21, intermediateSize: 37, headCount: 3, keyValueHeadCount: 3, headSize: 10,
      layerIsLocal: [false, true, false, true], window: 64, localRotaryBase: 300, globalRotaryBase: 50_000,
      attentionScale: Float(1 / 10.0.squareRoot()), epsilon: 1e-5, maximumPositions: 128, endTokens: [1], padToken: 0,
      beginToken: 2)
    #expect(config == expected)
    #expect(unknown == [])
  }

  @Test("transformers 4.5x: layer_types with flat rotary bases")
  func middleDialect() throws {
    let reading = try DecoderConfig.read(
      CheckpointGoldens.json("model/gemma-middle-dialect/config.json"), source: "config.json")
    let (config, unknown) = (reading.config, reading.unknownKeys)
    let expected = DecoderConfig(
      vocabularySize: 43, hiddenSize: 12, intermediateSize: 15, headCount: 2, keyValueHeadCount: 1, headSize: 4,
      layerIsLocal: [true, false, true], window: 2, localRotaryBase: 90, globalRotaryBase: 7000, attentionScale: 0.5,
      maximumPositions: 64, endTokens: [1], padToken: 0, beginToken: 2)
    #expect(config == expected)
    #expect(unknown == [])
  }

  @Test("up to transformers 4.52: every sixth layer is global")
  func oldDialect() throws {
    let reading = try DecoderConfig.read(
      CheckpointGoldens.json("model/gemma-1b-style/config.json"), source: "config.json")
    let (config, unknown) = (reading.config, reading.unknownKeys)
    #expect(config.layerIsLocal == [true, true, true, true, true, false, true])
    #expect(config.localRotaryBase == 10_000 && config.globalRotaryBase == 1_000_000 && config.globalRotaryScale == 1)
    #expect(config.endTokens == [1, 5])
    #expect(config.keyValueHeadCount == 1 && config.headSize == 8 && config.window == 6)
    #expect(unknown == [])
  }

  @Test("an omitted key means the class default of transformers")
  func classDefaults() throws {
    let decoder = try DecoderConfig(json: ["model_type": "gemma3_text"], source: "x")
    #expect(decoder.vocabularySize == 262_208 && decoder.hiddenSize == 2304 && decoder.intermediateSize == 9216)
    #expect(decoder.headCount == 8 && decoder.keyValueHeadCount == 4 && decoder.headSize == 256)
    #expect(decoder.layerCount == 26 && decoder.layerIsLocal.filter { !$0 }.count == 4)
    #expect(decoder.window == 4096 && decoder.maximumPositions == 131_072 && decoder.attentionScale == 1 / 16)
    #expect(decoder.endTokens == [1] && decoder.padToken == 0 && decoder.beginToken == 2)
    let vision = try VisionConfig(json: ["model_type": "siglip"], source: "x")
    #expect(vision.imageSize == 224 && vision.patchSize == 16 && vision.channelCount == 3)
    #expect(vision.hiddenSize == 768 && vision.intermediateSize == 3072)
    #expect(vision.layerCount == 12 && vision.headCount == 12 && vision.epsilon == 1e-6)
    #expect(vision.activation == .tanhApproximation && vision.hasPoolingHead)
    let text = try TextEncoderConfig(json: ["model_type": "siglip"], source: "x")
    #expect(text.vocabularySize == 32_000 && text.maximumPositions == 64 && text.projectionSize == 768)
    #expect(text.padToken == 1)
  }

  @Test("a whole SigLIP and a tower of its own, whose keys may be left out")
  func siglip() throws {
    let whole = try CheckpointGoldens.json("model/joined-full-siglip/vision/config.json")
    let (vision, unknown) = try VisionConfig.read(whole, source: "config.json")
    #expect(
      vision
        == VisionConfig(
          imageSize: 15, patchSize: 3, hiddenSize: 12, intermediateSize: 19, layerCount: 2, headCount: 4,
          activation: .exact))
    #expect(unknown == [])
    let (text, unknownText) = try TextEncoderConfig.read(whole, source: "config.json")
    #expect(
      text
        == TextEncoderConfig(
          vocabularySize: 31, maximumPositions: 6, hiddenSize: 10, intermediateSize: 13, projectionSize: 12,
          layerCount: 1, headCount: 2, padToken: 1))
    #expect(unknownText == [])
    let gelu = try CheckpointGoldens.json("model/siglip-gelu/config.json")
    #expect(try TextEncoderConfig(json: gelu, source: "x").projectionSize == 18)
    #expect(try TextEncoderConfig(json: gelu, source: "x").epsilon == 1e-4)
    #expect(try VisionConfig(json: gelu, source: "x").grid == 3)
    let tower = try CheckpointGoldens.json("model/joined-bare-tower/vision/config.json")
    #expect(try VisionConfig(json: tower, source: "x").activation == .tanhApproximation)
    let old = try CheckpointGoldens.json("model/vision-old-keys/config.json")
    #expect(try VisionConfig(json: tower, source: "x") == VisionConfig(json: old, source: "x"))
  }

  @Test("what is written reads back as the same configuration")
  func roundTrip() throws {
    for name in ["window-short", "window-long", "middle-dialect", "1b-style", "bf16"] {
      let config = try DecoderConfig(
        json: CheckpointGoldens.json("model/gemma-\(name)/config.json"), source: "config.json")
      let again = try DecoderConfig.read(config.json, source: "written")
      #expect(again.config == config)
      #expect(again.unknownKeys == [])
    }
    let scaled = try DecoderConfig(
      json: [
        "model_type": "gemma3_text", "rope_scaling": ["rope_type": "linear", "factor": 8.0], "eos_token_id": [1, 106],
        "query_pre_attn_scalar": 168,
      ], source: "x")
    #expect(scaled.globalRotaryScale == 8)
    #expect(try DecoderConfig(json: scaled.json, source: "written") == scaled)
    #expect(scaled.json["query_pre_attn_scalar"] == 168)
    for name in ["siglip-gelu", "siglip-tanh"] {
      let json = try CheckpointGoldens.json("model/\(name)/config.json")
      let vision = try VisionConfig(json: json, source: "x")
      #expect(try VisionConfig.read(vision.json, source: "written").config == vision)
      #expect(try VisionConfig.read(vision.json, source: "written").unknownKeys == [])
      let text = try TextEncoderConfig(json: json, source: "x")
      #expect(try TextEncoderConfig.read(text.json, source: "written").config == text)
      #expect(try TextEncoderConfig.read(text.json, source: "written").unknownKeys == [])
      #expect(text.json["layer_norm_eps"] == .number(Double(text.epsilon.description) ?? 0))
    }
    let projector = ProjectorConfig(inputSize: 12, hiddenSize: 120, outputSize: 20)
    #expect(try ProjectorConfig(json: projector.json, source: "written") == projector)
  }

  @Test("generation_config.json may name more ends")
  func generationEnds() throws {
    let config = try DecoderConfig(
      json: CheckpointGoldens.json("model/gemma-1b-style/config.json"), source: "config.json")
    func adding(_ json: JSONValue) throws -> (config: DecoderConfig, remarks: [String]) {
      try config.addingEndTokens(ofGenerationConfig: json, source: "generation")
    }
    #expect(try adding(["eos_token_id": [5, 60]]).config.endTokens == [1, 5, 60])
    #expect(try adding([:]).config == config)
    let beyond = try adding(["eos_token_id": [67, 6]])
    #expect(beyond.config.endTokens == [1, 5, 6])
    #expect(
      beyond.remarks == ["generation: eos_token_id 67 is beyond the vocabulary of 67 tokens and never comes"])
    #expect(thrownCarinaError { try adding(["eos_token_id": "end"]) }?.kind == .badData)
  }
}
