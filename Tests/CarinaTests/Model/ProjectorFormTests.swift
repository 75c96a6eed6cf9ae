import Foundation
import TestSupport
import Testing

import Carina

/// Projectors of every form against PyTorch (Tests/Reference/make_projector_goldens.py), and as files.
@Suite("Projector forms") struct ProjectorFormTests {
  private static let cases: [(name: String, form: ProjectorForm)] = [
    ("mlp2x", .mlp2x), ("pooled-mlp", .mlp), ("pooled-mlp2x", .mlp2x), ("gemma3", .gemma3),
  ]

  private func projector(_ golden: ParityGolden, precision: ElementType = .float32) throws -> Projector {
    try ModelDirectory.projector(golden.path).loadProjector(precision: precision).model
  }

  @Test("rows and every gradient are PyTorch's", arguments: cases)
  func parity(name: String, form: ProjectorForm) throws {
    let golden = try ParityGolden("projector/\(name)"), projector = try projector(golden), tape = Tape()
    let features = try golden.tensor("features"), watched = tape.watch(features)
    #expect(projector.config.form == form)
    #expect(projector.config.rowCount(features: features.rows / 2) == golden.facts["rows"]?.int)
    projector.parameters.train()
    let rows = projector(watched, tape: tape)
    expectClose(rows, try golden.tensor("projected"), relative: 1e-5)
    tape.backward(from: rows, seed: try golden.tensor("upstream"))
    expectClose(tape.gradient(of: watched) ?? rows, try golden.tensor("grad.features"), relative: 1e-5)
    for parameter in projector.parameters {
      let expected = try golden.tensor("grad." + parameter.name)
      expectClose(try #require(parameter.gradient), expected, relative: 1e-5, parameter.name)
    }
    #expect(golden.names("grad.").count == projector.parameters.count + 1)
  }

  /// An MLP over averages by its definition, in double precision: two images of 4 × 4 patches of two numbers, blocks of
  /// 2 × 2, three hidden units, two outputs.
  private func twin(_ x: [Double], _ weights: [[Double]]) -> [Double] {
    var out: [Double] = []
    for image in 0..<2 {
      for block in 0..<4 {
        let first = image * 16 + block / 2 * 8 + block % 2 * 2
        let row = (0..<2).map { channel in
          [0, 1, 4, 5].reduce(0) { $0 + x[(first + $1) * 2 + channel] } / 4
        }
        let hidden = (0..<3).map { unit -> Double in
          let sum = (0..<2).reduce(weights[1][unit]) { $0 + weights[0][unit * 2 + $1] * row[$1] }
          return sum / 2 * erfc(-sum / 2.0.squareRoot())
        }
        out += (0..<2).map { unit in
          (0..<3).reduce(weights[3][unit]) { $0 + weights[2][unit * 3 + $1] * hidden[$1] }
        }
      }
    }
    return out
  }

  @Test("an MLP over averages has the slopes of its definition, in features and in every weight")
  func slopes() throws {
    let config = ProjectorConfig(
      inputSize: 2, hiddenSize: 3, outputSize: 2, pooling: PatchPooling(gridSize: 4, tokensPerSide: 2))
    let projector = Projector(config, from: RandomParameterSource(seed: 5))
    projector.parameters.train()
    let x = Tensor.random([32, 2], seed: 6), tape = Tape(), watched = tape.watch(x)
    let weights = projector.parameters.map(\.value.doubles)
    let out = projector(watched, tape: tape)
    expectClose(out.doubles, twin(x.doubles, weights), relative: 1e-5)
    let seed = Tensor.random(out.shape, seed: 7)
    tape.backward(from: out, seed: seed)
    expectGradient(tape.gradient(of: watched), at: x.doubles, "features") {
      weightedSum(twin($0, weights), seed.doubles)
    }
    for (index, parameter) in projector.parameters.enumerated() {
      expectGradient(parameter.gradient, at: weights[index], parameter.name) { moved in
        var all = weights
        all[index] = moved
        return weightedSum(twin(x.doubles, all), seed.doubles)
      }
    }
  }

  @Test("features that were kept in bf16 are averaged in fp32", arguments: ["pooled-mlp", "gemma3"])
  func keptFeatures(name: String) throws {
    let golden = try ParityGolden("projector/\(name)"), projector = try projector(golden, precision: .bfloat16)
    let kept = try golden.tensor("features").converted(to: .bfloat16)
    let rows = projector(kept, tape: nil)
    #expect(rows.rows == 18)
    expectSameBits(rows, projector(kept.converted(to: .float32), tape: nil))
  }

  @Test("a projector is written with what it is, and read again; the MLP's file is as it was", arguments: cases)
  func files(name: String, form: ProjectorForm) throws {
    let golden = try ParityGolden("projector/\(name)"), projector = try projector(golden)
    let directory = try TemporaryDirectory()
    try ModelDirectoryWriter.write(projector, to: directory.path, type: .float32)
    let again = try ModelDirectory.projector(directory.path).loadProjector(precision: .float32).model
    #expect(again.config == projector.config && again.config.form == form)
    for (a, b) in zip(again.parameters, projector.parameters) { expectSameBits(a.value, b.value, a.name) }
    let given = try JSONValue.parseFile(golden.path + "/projector_config.json")
    let written = try JSONValue.parseFile(directory.file("projector_config.json"))
    #expect(given.object?.keys.sorted() == written.object?.keys.sorted())
    let plain = ProjectorConfig(inputSize: 2, hiddenSize: 20, outputSize: 3).json.object
    #expect(plain?.keys.sorted() == ["hidden_act", "hidden_size", "input_size", "model_type", "output_size"])
    #expect(plain?["model_type"] == "carina_mlp_projector" && plain?["hidden_act"] == "gelu")
  }

  @Test("a configuration that names no form, or blocks that do not divide the grid, is refused by name")
  func refused() throws {
    func config(_ changes: [(String, JSONValue)]) throws -> ProjectorConfig {
      var object = JSONObject([
        ("model_type", "carina_pooled_mlp_projector"), ("hidden_act", "gelu"), ("input_size", 4), ("hidden_size", 8),
        ("output_size", 6), ("grid_size", 6), ("pool", 2),
      ])
      for (key, value) in changes { object[key] = value }
      return try ProjectorConfig(json: .object(object), source: "projector_config.json")
    }
    func error(_ changes: [(String, JSONValue)]) -> CarinaError? { thrownCarinaError { try config(changes) } }
    #expect(try config([]).rowCount(features: 36) == 9)
    let uneven = error([("pool", 4)])
    #expect(uneven?.kind == .badData && uneven?.what.contains("pool") == true && uneven?.found == "4")
    #expect(error([("pool", 0)])?.description.contains("pool") == true)
    #expect(error([("grid_size", .null)])?.description.contains("grid_size") == true)
    #expect(error([("hidden_act", "relu")])?.description.contains("hidden_act") == true)
    let other = error([("model_type", "carina_resampler")])
    #expect(other?.kind == .badData && other?.expected?.contains("carina_pooled_mlp_projector") == true)
  }

  @Test("rows of an image see each other both ways in Gemma 3's form alone; averages need the encoder's own grid")
  func joined() throws {
    let source = RandomParameterSource(seed: 3)
    let vision = VisionEncoder(
      VisionConfig(imageSize: 16, patchSize: 4, hiddenSize: 8, intermediateSize: 12, layerCount: 1, headCount: 2),
      from: source)
    let decoder = Decoder(
      DecoderConfig(
        vocabularySize: 30, hiddenSize: 12, intermediateSize: 20, headCount: 2, keyValueHeadCount: 1, headSize: 6,
        layerIsLocal: [true, false], window: 16, localRotaryBase: 10_000, globalRotaryBase: 1_000_000,
        attentionScale: 0.4, maximumPositions: 64, endTokens: [1], padToken: 0, beginToken: 2), from: source)
    func model(_ config: ProjectorConfig, dropsFirstPatch: Bool = false) throws -> VisionLanguageModel {
      try VisionLanguageModel(
        vision: vision, projector: Projector(config, from: source), decoder: decoder, dropsFirstPatch: dropsFirstPatch)
    }
    let pooling = PatchPooling(gridSize: 4, tokensPerSide: 2)
    let pooled = ProjectorConfig(inputSize: 8, hiddenSize: 9, outputSize: 12, pooling: pooling)
    #expect(try model(pooled).imageAttention == .causal && model(pooled).rowsPerImage == 4)
    let plain = ProjectorConfig(inputSize: 8, hiddenSize: 12, outputSize: 12)
    #expect(try model(plain).imageAttention == .causal && model(plain).rowsPerImage == 16)
    let gemma3 = ProjectorConfig(inputSize: 8, outputSize: 12, pooling: pooling)
    #expect(try model(gemma3).imageAttention == .mutual && model(gemma3).rowsPerImage == 4)
    let other = ProjectorConfig(
      inputSize: 8, hiddenSize: 9, outputSize: 12, pooling: PatchPooling(gridSize: 6, tokensPerSide: 2))
    #expect(thrownCarinaError { try model(other) }?.expected == "6 patches along a side")
    #expect(thrownCarinaError { try model(pooled, dropsFirstPatch: true) }?.kind == .badData)
  }
}
