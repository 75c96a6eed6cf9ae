import Foundation
import TestSupport
import Testing

import Carina

/// Both SigLIP towers against transformers. A tolerance is a part of the golden tensor's largest magnitude.
@Suite("SigLIP parity") struct SiglipParityTests {
  private static let cases = ["siglip-tanh", "siglip-gelu"]

  private func positives(_ golden: ParityGolden) throws -> [[Bool]] {
    try #require(golden.facts["positives"]?.array).map { $0.integers.map { $0 == 1 } }
  }

  @Test("every layer's states and the pooled embeddings of both towers", arguments: cases)
  func states(name: String) throws {
    let golden = try ParityGolden("model/\(name)")
    let model = try ParityModels.siglip(golden.path)
    let pixels = try golden.tensor("pixel_values"), count = pixels.shape[0]
    func expectState(_ tensor: Tensor, _ name: String) throws {
      let expected = try golden.tensor(name)
      expectClose(tensor.reshaped(expected.shape), expected, relative: 1e-5, name)
    }
    var hidden: [Int: Tensor] = [:]
    let seen = model.vision.features(pixels, count: count, tape: nil) { hidden[$0] = $1 }
    #expect(hidden.count == model.vision.config.layerCount + 1)
    for (layer, state) in hidden { try expectState(state, "vision.hidden.\(layer)") }
    try expectState(seen, "vision.final")
    let pooledImages = try #require(model.vision.pooled(seen, count: count, tape: nil))
    try expectState(pooledImages, "vision.pooled")

    hidden = [:]
    let ids = try #require(golden.facts["text_ids"]?.array).map(\.integers)
    let read = model.text.hiddenStates(ids, tape: nil) { hidden[$0] = $1 }
    #expect(hidden.count == model.text.config.layerCount + 1)
    for (layer, state) in hidden { try expectState(state, "text.hidden.\(layer)") }
    try expectState(read, "text.final")
    let pooledTexts = model.text.pooled(ids, tape: nil)
    try expectState(pooledTexts, "text.pooled")
    try expectState(l2Normalize(pooledImages, tape: nil), "image_embeds")
    try expectState(l2Normalize(pooledTexts, tape: nil), "text_embeds")
  }

  @Test("logits, loss and every gradient", arguments: cases)
  func gradients(name: String) throws {
    let golden = try ParityGolden("model/\(name)")
    let model = try ParityModels.siglip(golden.path)
    model.parameters.train()
    let pixels = try golden.tensor("pixel_values")
    let ids = try #require(golden.facts["text_ids"]?.array).map(\.integers)
    let tape = Tape()
    let (loss, logits) = model.loss(
      pixels: pixels, count: pixels.shape[0], texts: ids, isPositive: try positives(golden).flatMap { $0 }, tape: tape)
    expectClose(logits, try golden.tensor("logits_per_image"), relative: 1e-5)
    expectClose(loss, [try golden.number("loss")], relative: 2e-6)
    tape.backward(from: loss)
    try expectParity(model.parameters, golden, relative: 1e-4)
  }

  @Test("the loss of matching pairs is transformers' own", arguments: cases)
  func diagonal(name: String) throws {
    let golden = try ParityGolden("model/\(name)")
    let model = try ParityModels.siglip(golden.path)
    let count = try #require(golden.facts["diagonal"]?["count"]?.int)
    let expected = try #require(golden.facts["diagonal"]?["loss"]?.double)
    let pixels = try golden.tensor("pixel_values")
    let some = Tensor(
      shape: [count] + pixels.shape[1...], storage: pixels.storage, byteOffset: pixels.byteOffset)
    let ids = try #require(golden.facts["text_ids"]?.array).map(\.integers)
    let isPositive = (0..<count * count).map { $0 / count == $0 % count }
    let (loss, _) = model.loss(
      pixels: some, count: count, texts: Array(ids[..<count]), isPositive: isPositive, tape: nil)
    expectClose(loss, [expected], relative: 2e-6)
  }

  @Test("a tower of its own under the older names is the same tower")
  func oldKeys() throws {
    let golden = try ParityGolden("model/vision-old-keys", tensorsOf: "model/joined-bare-tower")
    let pixels = try golden.tensor("pixel_values")
    for path in [golden.path, try ParityGolden.path("model/joined-bare-tower/vision")] {
      let vision = try ParityModels.vision(path)
      let expected = try golden.tensor("vision.final")
      let features = vision.features(pixels, count: pixels.shape[0], tape: nil)
      expectClose(features.reshaped(expected.shape), expected, relative: 1e-5)
    }
  }

  @Test("checkpointing changes no bit of the gradients")
  func checkpointing() throws {
    let vision = try ParityModels.vision(ParityGolden.path("model/siglip-tanh"))
    let golden = try ParityGolden("model/siglip-tanh")
    let pixels = try golden.tensor("pixel_values")
    let trained = vision.trainedParameters(for: .postNorm)
    trained.train()
    func gradients(_ isCheckpointed: Bool) throws -> [Tensor?] {
      for parameter in trained { parameter.clearGradient() }
      let tape = Tape()
      let out = vision.features(pixels, count: pixels.shape[0], isCheckpointed: isCheckpointed, tape: tape)
      tape.backward(from: out, seed: Tensor.random(out.shape, seed: 1))
      return trained.map(\.gradient)
    }
    for (a, b) in zip(try gradients(true), try gradients(false)) { expectSameBits(a, b) }
  }
}
