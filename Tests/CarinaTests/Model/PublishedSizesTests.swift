import TestSupport
import Testing

import Carina

/// Gemma 3 as it is published: sizes by configuration alone, and small twins with the same oddities against
/// transformers.
@Suite struct PublishedSizesTests {
  private struct Size {
    let name: String
    let json: JSONValue
    let parameters: Int
    let config: DecoderConfig
  }

  private static func config(
    _ vocabulary: Int, _ width: Int, _ inner: Int, _ heads: Int, _ keys: Int, _ head: Int, layers: Int, window: Int,
    scale: Double, scalar: Float, positions: Int
  ) -> DecoderConfig {
    DecoderConfig(
      vocabularySize: vocabulary, hiddenSize: width, intermediateSize: inner, headCount: heads, keyValueHeadCount: keys,
      headSize: head, layerIsLocal: (1...layers).map { $0 % 6 != 0 }, window: window, localRotaryBase: 10_000,
      globalRotaryBase: 1_000_000, globalRotaryScale: scale, attentionScale: 1 / scalar.squareRoot(),
      maximumPositions: positions, endTokens: [1, 106], padToken: 0, beginToken: 2)
  }

  /// Keys as the published files have them; what they leave out is a class default of transformers.
  private static let sizes: [Size] = [
    Size(
      name: "270M",
      json: [
        "model_type": "gemma3_text", "_sliding_window_pattern": 6, "attention_bias": false, "eos_token_id": [1, 106],
        "head_dim": 256, "hidden_size": 640, "intermediate_size": 2048,
        "layer_types": .array((1...18).map { $0 % 6 == 0 ? "full_attention" : "sliding_attention" }),
        "max_position_embeddings": 32_768, "num_attention_heads": 4, "num_hidden_layers": 18, "num_key_value_heads": 1,
        "query_pre_attn_scalar": 256, "rope_local_base_freq": 10_000.0, "rope_scaling": nil, "rope_theta": 1_000_000.0,
        "sliding_window": 512, "use_bidirectional_attention": false, "vocab_size": 262_144,
      ], parameters: 268_098_176,
      config: config(
        262_144, 640, 2048, 4, 1, 256, layers: 18, window: 512, scale: 1, scalar: 256, positions: 32_768)),
    Size(
      name: "4B text",
      json: [
        "model_type": "gemma3_text", "eos_token_id": [1, 106], "head_dim": 256, "hidden_size": 2560,
        "intermediate_size": 10_240, "num_attention_heads": 8, "num_hidden_layers": 34, "num_key_value_heads": 4,
        "query_pre_attn_scalar": 256, "rope_local_base_freq": 10_000, "rope_theta": 1_000_000,
        "rope_scaling": ["factor": 8.0, "rope_type": "linear"], "sliding_window": 1024, "sliding_window_pattern": 6,
      ], parameters: 3_880_263_168,
      config: config(
        262_208, 2560, 10_240, 8, 4, 256, layers: 34, window: 1024, scale: 8, scalar: 256, positions: 131_072)),
    Size(
      name: "4B inside a joined model",
      json: [
        "model_type": "gemma3", "architectures": ["Gemma3ForConditionalGeneration"], "boi_token_index": 255_999,
        "eoi_token_index": 256_000, "eos_token_id": [1, 106], "image_token_index": 262_144,
        "initializer_range": 0.02, "mm_tokens_per_image": 256,
        "text_config": [
          "hidden_size": 2560, "intermediate_size": 10_240, "model_type": "gemma3_text", "num_hidden_layers": 34,
          "rope_scaling": ["factor": 8.0, "rope_type": "linear"], "sliding_window": 1024,
        ],
        "torch_dtype": "bfloat16", "vision_config": ["model_type": "siglip_vision_model", "vision_use_head": false],
      ], parameters: 3_880_263_168,
      config: config(
        262_208, 2560, 10_240, 8, 4, 256, layers: 34, window: 1024, scale: 8, scalar: 256, positions: 131_072)),
    Size(
      name: "4B inside a joined model, as transformers 5 writes it",
      json: [
        "model_type": "gemma3", "boi_token_index": 255_999, "dtype": "bfloat16", "eoi_token_index": 256_000,
        "eos_token_id": [1, 106], "image_token_index": 262_144, "mm_tokens_per_image": 256, "tie_word_embeddings": true,
        "text_config": [
          "_sliding_window_pattern": 6, "dtype": "bfloat16", "head_dim": 256, "hidden_size": 2560,
          "intermediate_size": 10_240,
          "layer_types": .array((1...34).map { $0 % 6 == 0 ? "full_attention" : "sliding_attention" }),
          "model_type": "gemma3_text", "num_attention_heads": 8, "num_hidden_layers": 34, "num_key_value_heads": 4,
          "query_pre_attn_scalar": 256,
          "rope_parameters": [
            "full_attention": ["factor": 8.0, "rope_theta": 1_000_000.0, "rope_type": "linear"],
            "sliding_attention": ["rope_theta": 10_000.0, "rope_type": "default"],
          ],
          "sliding_window": 1024, "tie_word_embeddings": true, "vocab_size": 262_208,
        ],
        "vision_config": ["dtype": "bfloat16", "model_type": "siglip_vision_model", "vision_use_head": false],
      ], parameters: 3_880_263_168,
      config: config(
        262_208, 2560, 10_240, 8, 4, 256, layers: 34, window: 1024, scale: 8, scalar: 256, positions: 131_072)),
    Size(
      name: "12B inside a joined model",
      json: [
        "model_type": "gemma3", "boi_token_index": 255_999, "eoi_token_index": 256_000, "eos_token_id": [1, 106],
        "image_token_index": 262_144, "mm_tokens_per_image": 256,
        "text_config": [
          "hidden_size": 3840, "intermediate_size": 15_360, "model_type": "gemma3_text", "num_attention_heads": 16,
          "num_hidden_layers": 48, "num_key_value_heads": 8, "rope_scaling": ["factor": 8.0, "rope_type": "linear"],
          "sliding_window": 1024,
        ],
        "vision_config": ["model_type": "siglip_vision_model", "vision_use_head": false],
      ], parameters: 11_766_034_176,
      config: config(
        262_208, 3840, 15_360, 16, 8, 256, layers: 48, window: 1024, scale: 8, scalar: 256, positions: 131_072)),
    Size(
      name: "27B inside a joined model",
      json: [
        "model_type": "gemma3", "eos_token_id": [1, 106],
        "text_config": [
          "head_dim": 128, "hidden_size": 5376, "intermediate_size": 21_504, "num_attention_heads": 32,
          "num_hidden_layers": 62, "num_key_value_heads": 16, "query_pre_attn_scalar": 168,
          "rope_scaling": ["factor": 8.0, "rope_type": "linear"], "sliding_window": 1024,
        ],
      ], parameters: 27_009_346_304,
      config: config(
        262_208, 5376, 21_504, 32, 16, 128, layers: 62, window: 1024, scale: 8, scalar: 168, positions: 131_072)),
  ]

  @Test("the published sizes are read from their files, and have the published numbers of weights")
  func sizes() throws {
    for size in Self.sizes {
      let reading = try DecoderConfig.read(size.json, source: "config.json")
      #expect(reading.config == size.config, "\(size.name)")
      #expect(reading.unknownKeys == [] && reading.remarks == [], "\(size.name)")
      let table = TensorTable(of: reading.config)
      #expect(table.rows.reduce(0) { $0 + $1.count } == size.parameters, "\(size.name)")
      let rows = Dictionary(uniqueKeysWithValues: table.rows.map { ($0.name, $0.shape) }), config = size.config
      #expect(table.rows.count == 13 * config.layerCount + 2)
      let query = config.headCount * config.headSize
      #expect(rows["model.layers.5.self_attn.q_proj.weight"] == [query, config.hiddenSize])
      #expect(rows["model.layers.5.self_attn.o_proj.weight"] == [config.hiddenSize, query])
      #expect(rows["model.layers.5.self_attn.k_norm.weight"] == [config.headSize])
    }
  }

  @Test("MedSigLIP's tower inside its whole model, and the one inside MedGemma")
  func towers() throws {
    let tower: JSONObject = JSONObject([
      ("hidden_size", 1152), ("image_size", 448), ("intermediate_size", 4304), ("model_type", "siglip_vision_model"),
      ("num_attention_heads", 16), ("num_hidden_layers", 27), ("patch_size", 14),
    ])
    let whole: JSONValue = [
      "model_type": "siglip", "architectures": ["SiglipModel"], "initializer_factor": 1.0,
      "text_config": ["hidden_size": 1152, "model_type": "siglip_text_model"], "vision_config": .object(tower),
    ]
    let (vision, unknown) = try VisionConfig.read(whole, source: "config.json")
    #expect(unknown == [] && vision.patchCount == 1024 && vision.headSize == 72 && vision.hasPoolingHead)
    #expect(TensorTable(of: vision).rows.reduce(0) { $0 + $1.count } == 428_565_440)
  }

  @Test("the tower and the projector of the joined models: 4,096 patches of 14 pixels become 256 rows")
  func joinedVisionSizes() throws {
    let json: JSONValue = [
      "model_type": "gemma3", "mm_tokens_per_image": 256,
      "vision_config": [
        "hidden_size": 1152, "image_size": 896, "intermediate_size": 4304, "model_type": "siglip_vision_model",
        "num_attention_heads": 16, "num_hidden_layers": 27, "patch_size": 14, "vision_use_head": false,
      ],
    ]
    let (vision, unknown) = try VisionConfig.read(json, source: "config.json")
    #expect(unknown == [] && vision.grid == 64 && vision.headSize == 72 && !vision.hasPoolingHead)
    #expect(TensorTable(of: vision).rows.reduce(0) { $0 + $1.count } == 416_866_032)
    for size in Self.sizes where size.name.contains("joined") {
      let projector = try ProjectorConfig(joined: json, vision: vision, decoder: size.config, source: "config.json")
      #expect(projector.pooling?.tokensPerSide == 16 && projector.outputSize == size.config.hiddenSize)
      let rows = TensorTable(of: projector, format: .joinedProjector).rows
      #expect(rows.map(\.shape) == [[1152], [1152, size.config.hiddenSize]])
      #expect(rows[1].fileName == "multi_modal_projector.mm_input_projection_weight")
      let ids = try JoinedGemma3Config(
        json: size.json, vocabularySize: size.config.vocabularySize, source: "config.json")
      #expect(ids.softToken == 262_144 && ids.tokensPerImage == 256)
    }
  }

  private static let cases = ["gemma-4b-twin", "gemma-270m-twin", "gemma-untied", "gemma-joined"]

  @Test("every layer's states and the logits are transformers'", arguments: cases)
  func states(name: String) throws {
    let golden = try ParityGolden("checkpoints/\(name)")
    let decoder = try ModelDirectory(path: golden.path).loadDecoder(precision: .float32).model
    #expect(decoder.config.hasOwnHead == (name == "gemma-untied"))
    for (sample, sequence) in try golden.sequences().enumerated() {
      var hidden: [Int: Tensor] = [:]
      let states = decoder.hiddenStates(
        decoder.embed(sequence.tokens, tape: nil), lengths: [sequence.tokens.count], tape: nil
      ) { hidden[$0] = $1 }
      for (layer, state) in hidden {
        expectClose(state, try golden.tensor("sample.\(sample).hidden.\(layer)"), relative: 1e-5, "layer \(layer)")
      }
      expectClose(decoder.logits(states), try golden.tensor("sample.\(sample).logits"), relative: 1e-5, "logits")
    }
  }

  @Test("loss and every gradient are transformers'", arguments: cases)
  func gradients(name: String) throws {
    let golden = try ParityGolden("checkpoints/\(name)")
    let decoder = try ModelDirectory(path: golden.path).loadDecoder(precision: .float32).model
    decoder.parameters.train()
    let sequences = try golden.sequences()
    let tape = Tape()
    let scale = 1 / Float(sequences.reduce(0) { $0 + $1.supervisedCount })
    let result = decoder.textLoss(sequences, scale: scale, tape: tape)
    expectClose(result.loss, [try golden.number("loss")], relative: 2e-6)
    tape.backward(from: result.loss)
    try expectParity(decoder.parameters, golden, relative: 1e-4)
  }

  @Test("greedy text is transformers', with the key-value cache and without", arguments: cases)
  func greedy(name: String) throws {
    let golden = try ParityGolden("checkpoints/\(name)")
    let decoder = try ModelDirectory(path: golden.path).loadDecoder(precision: .float32).model
    for (prompt, tokens) in try golden.continuations() {
      #expect(GreedyText.cached(decoder, prompt.tokens, count: tokens.count) == tokens)
      #expect(GreedyText.uncached(decoder, prompt.tokens, count: tokens.count) == tokens)
    }
  }

  @Test("the tower inside a joined model gives transformers' features")
  func joinedTower() throws {
    let golden = try ParityGolden("checkpoints/gemma-joined")
    let part = try ModelDirectory(path: golden.path).loadVisionEncoder(precision: .float32)
    #expect(part.unknownKeys == [] && part.model.config.patchCount == 16)
    let pixels = try golden.tensor("pixel_values"), expected = try golden.tensor("vision.final")
    let seen = part.model.features(pixels, count: 2, tape: nil)
    expectClose(seen.reshaped(expected.shape), expected, relative: 1e-5)
    #expect(part.remarks.count == 1 && part.remarks[0].contains("the decoder is not the vision tower's"))
  }

  @Test("heads of 72, no multiple of 16, over a grid of 14-pixel patches: bfloat16 stays within its rounding of fp32")
  func oddHeads() throws {
    let config = VisionConfig(
      imageSize: 98, patchSize: 14, hiddenSize: 144, intermediateSize: 538, layerCount: 3, headCount: 2)
    let pixels = Tensor(
      (0..<2 * 3 * 98 * 98).map { Float(($0 * 7919) % 256) / 127.5 - 1 }, shape: [2, 3, 98, 98])
    let features = [ElementType.float32, .bfloat16].map { precision in
      VisionEncoder(config, from: RandomParameterSource(seed: 4, precision: precision, on: TestBackend.chosen))
        .features(pixels, count: 2, tape: nil)
    }
    #expect(features[0].shape == [2 * 49, 144] && features[0].isFinite)
    let off = expectClose(features[1], features[0], relative: 3e-2)
    #expect(off > 1e-6, "these products were not in bfloat16")
  }
}
