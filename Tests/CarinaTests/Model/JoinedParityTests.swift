import Foundation
import TestSupport
import Testing

import Carina

/// Vision encoder, projector and decoder together against PyTorch. A tolerance is a part of the golden tensor's largest magnitude.
@Suite("Joined model parity") struct JoinedParityTests {
  /// A tower of its own with an image shared by two samples; a whole SigLIP with the image in the midst of the text; features
  /// from before the last norm without the first patch, the image first of all.
  private static let cases = ["joined-bare-tower", "joined-full-siglip", "joined-pre-norm"]

  private func imageRows(_ model: VisionLanguageModel, _ golden: ParityGolden, tape: Tape?) throws -> Tensor {
    let pixels = try golden.tensor("pixel_values")
    return model.projector(model.features(pixels, count: pixels.shape[0], tape: tape), tape: tape)
  }

  @Test("vision features, projected rows, every layer's states and the logits", arguments: cases)
  func states(name: String) throws {
    let golden = try ParityGolden("model/\(name)")
    let model = try ParityModels.joined(golden)
    let pixels = try golden.tensor("pixel_values"), count = pixels.shape[0]
    func expectState(_ tensor: Tensor, _ name: String) throws {
      let expected = try golden.tensor(name)
      expectClose(tensor.reshaped(expected.shape), expected, relative: 1e-5, name)
    }
    var seen: [Int: Tensor] = [:]
    let final = model.vision.features(pixels, count: count, tape: nil) { seen[$0] = $1 }
    for (layer, state) in seen { try expectState(state, "vision.hidden.\(layer)") }
    try expectState(final, "vision.final")
    try expectState(model.features(pixels, count: count, tape: nil), "features")
    let rows = try imageRows(model, golden, tape: nil)
    try expectState(rows, "projected")

    let sequences = try golden.sequences()
    for group in sequences.indices.map({ [$0] }) + [Array(sequences.indices)] {
      let (x, lengths) = model.embed(group.map { sequences[$0] }, imageRows: rows, tape: nil)
      var hidden: [Int: Tensor] = [:]
      let states = model.decoder.hiddenStates(x, lengths: lengths, tape: nil) { hidden[$0] = $1 }
      let logits = model.decoder.logits(states)
      var first = 0
      for (sample, length) in zip(group, lengths) {
        let range = first..<first + length
        for (layer, state) in hidden {
          try expectState(state.rowSlice(range), "sample.\(sample).hidden.\(layer)")
        }
        try expectState(states.rowSlice(range), "sample.\(sample).final")
        try expectState(logits.rowSlice(range), "sample.\(sample).logits")
        first += length
      }
    }
  }

  @Test("loss and every gradient of all three parts, with and without checkpointing", arguments: cases, [false, true])
  func gradients(name: String, isCheckpointed: Bool) throws {
    let golden = try ParityGolden("model/\(name)")
    let model = try ParityModels.joined(golden)
    let parts = [
      ("vision.", model.vision.parameters), ("projector.", model.projector.parameters),
      ("language_model.", model.decoder.parameters),
    ]
    for part in parts { part.1.train() }
    let sequences = try golden.sequences()
    let count = sequences.reduce(0) { $0 + $1.supervisedCount }
    #expect(count == golden.facts["supervised_tokens"]?.int)
    let tape = Tape()
    let pixels = try golden.tensor("pixel_values")
    let features = model.features(pixels, count: pixels.shape[0], isCheckpointed: isCheckpointed, tape: tape)
    let result = model.loss(
      sequences, imageRows: model.projector(features, tape: tape), scale: 1 / Float(count),
      isCheckpointed: isCheckpointed, tape: tape)
    expectClose(result.loss, [try golden.number("loss")], relative: 2e-6)
    tape.backward(from: result.loss)

    // A tower of its own is stored without `vision_model.` in front; the engine's names always have it.
    let stored = Set(golden.names("grad.")).union(golden.texts("no_gradient").map { "grad." + $0 })
    var names: [ObjectIdentifier: String] = [:]
    for (prefix, parameters) in parts {
      for parameter in parameters {
        let full = prefix + parameter.name
        let bare = prefix + parameter.name.replacingOccurrences(of: "vision_model.", with: "")
        names[ObjectIdentifier(parameter)] = stored.contains("grad." + full) ? full : bare
      }
    }
    try expectParity(parts.flatMap { $0.1 }, golden, relative: 1e-4) { names[ObjectIdentifier($0)] ?? $0.name }
  }

  @Test("a frozen encoder and decoder leave the projector's gradients as they are", arguments: cases)
  func projectorAlone(name: String) throws {
    let golden = try ParityGolden("model/\(name)")
    let model = try ParityModels.joined(golden)
    model.projector.parameters.train()
    let sequences = try golden.sequences()
    let tape = Tape()
    let result = model.loss(
      sequences, imageRows: try imageRows(model, golden, tape: tape),
      scale: 1 / Float(sequences.reduce(0) { $0 + $1.supervisedCount }), tape: tape)
    tape.backward(from: result.loss)
    for parameter in model.projector.parameters {
      expectClose(
        try #require(parameter.gradient), try golden.tensor("grad.projector." + parameter.name), relative: 1e-4)
    }
    #expect((model.vision.parameters + model.decoder.parameters).allSatisfy { $0.gradient == nil })
  }

  @Test("greedy answers are equal, one prompt at a time and side by side", arguments: cases)
  func greedy(name: String) throws {
    let golden = try ParityGolden("model/\(name)")
    let model = try ParityModels.joined(golden)
    let rows = try imageRows(model, golden, tape: nil)
    let continuations = try golden.continuations()
    var options = GenerationOptions()
    options.maximumNewTokens = try #require(continuations.first).tokens.count
    let generator = Generator(model: model, stopTokens: [], options: options)
    #expect(try generator.answers(continuations.map(\.prompt), imageRows: rows) == continuations.map(\.tokens))
    for (prompt, tokens) in continuations {
      #expect(try generator.answers([prompt], imageRows: rows) == [tokens])
    }
  }
}
