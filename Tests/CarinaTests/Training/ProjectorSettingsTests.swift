import TestSupport
import Testing

import Carina

@Suite("Settings of the projector") struct ProjectorSettingsTests {
  private func vision(patches: Int) -> VisionConfig {
    VisionConfig(
      imageSize: patches * 4, patchSize: 4, hiddenSize: 8, intermediateSize: 12, layerCount: 1, headCount: 2,
      epsilon: 1e-5)
  }

  private let decoder = DecoderConfig(
    vocabularySize: 30, hiddenSize: 12, intermediateSize: 20, headCount: 2, keyValueHeadCount: 1, headSize: 6,
    layerIsLocal: [true, false], window: 16, localRotaryBase: 10_000, globalRotaryBase: 1_000_000,
    attentionScale: 0.4, maximumPositions: 64, endTokens: [1], padToken: 0, beginToken: 2)

  private func settings(
    _ form: ProjectorForm? = nil, hidden: Int? = nil, pool: Int? = nil, tokens: Int? = nil
  ) -> ProjectorSettings {
    var settings = ProjectorSettings()
    (settings.form, settings.hiddenSize, settings.pool, settings.imageTokens) = (form, hidden, pool, tokens)
    return settings
  }

  private func fresh(_ settings: ProjectorSettings, patches: Int = 6) throws -> ProjectorConfig {
    try ProjectorConfig(fresh: settings, vision: vision(patches: patches), decoder: decoder)
  }

  @Test("each form is made with its sizes")
  func sizes() throws {
    #expect(try fresh(settings()) == ProjectorConfig(inputSize: 8, hiddenSize: 80, outputSize: 12))
    #expect(try fresh(settings()) == fresh(settings(.mlp, pool: 1)))
    #expect(
      try fresh(settings(.mlp, hidden: 5, pool: 3))
        == ProjectorConfig(
          inputSize: 8, hiddenSize: 5, outputSize: 12, pooling: PatchPooling(gridSize: 6, tokensPerSide: 2)))
    #expect(try fresh(settings(.mlp2x)) == ProjectorConfig(inputSize: 8, hiddenSize: 12, outputSize: 12))
    #expect(try fresh(settings(.mlp2x, pool: 6)).rowCount(features: 36) == 1)
    #expect(
      try fresh(settings(.gemma3, tokens: 9))
        == ProjectorConfig(
          inputSize: 8, outputSize: 12, pooling: PatchPooling(gridSize: 6, tokensPerSide: 3, epsilon: 1e-5)))
    #expect(try fresh(settings(.gemma3), patches: 32).rowCount(features: 1024) == 256)
    #expect(try fresh(settings(.gemma3), patches: 64).pooling?.factor == 4)
  }

  @Test("the run's header says what it is")
  func summary() throws {
    #expect(try fresh(settings()).summary == "mlp, 8 → 80 → 12")
    #expect(try fresh(settings(.mlp2x, pool: 2)).summary == "mlp2x, 8 → 12 → 12, 36 patches averaged to 9 rows")
    #expect(
      try fresh(settings(.gemma3, tokens: 4)).summary == "gemma3, 8 → 12, 36 patches averaged to 4 rows")
  }

  @Test("sizes that a form does not have, and grids that do not divide, are refused by name")
  func refused() throws {
    let together: [(ProjectorSettings, [String])] = [
      (settings(.mlp2x, hidden: 9), ["projector_hidden", "mlp2x", "the decoder's width"]),
      (settings(.gemma3, hidden: 9, tokens: 4), ["projector_hidden", "gemma3", "no hidden layer"]),
      (settings(.gemma3, pool: 2, tokens: 4), ["pool", "gemma3", "image_tokens"]),
      (settings(.mlp, tokens: 4), ["image_tokens", "mlp", "pool"]),
      (settings(.mlp2x, tokens: 4), ["image_tokens", "mlp2x"]),
      (settings(hidden: 0), ["projector_hidden", "at least 1"]), (settings(pool: 0), ["pool", "at least 1"]),
      (settings(.gemma3, tokens: 0), ["image_tokens", "at least 1"]),
    ]
    for (settings, words) in together {
      let error = thrownCarinaError { try settings.validate() }
      #expect(error?.kind == .usage)
      for word in words { #expect(error?.description.contains(word) == true, "\(word): \(String(describing: error))") }
    }
    // Where no form is named the one that is meant is the MLP.
    #expect(thrownCarinaError { try fresh(settings(tokens: 4)) }?.what.contains("image_tokens") == true)
    let uneven = thrownCarinaError { try fresh(settings(pool: 4)) }
    #expect(uneven?.kind == .usage && uneven?.expected?.contains("divisor of 6") == true && uneven?.found == "4")
    for tokens in [8, 16, 49] {
      let error = thrownCarinaError { try fresh(settings(.gemma3, tokens: tokens)) }
      #expect(error?.kind == .usage && error?.expected == "1, 4, 9, 36 of 6 × 6 patches" && error?.found == "\(tokens)")
    }
    let unsaid = thrownCarinaError { try fresh(settings(.gemma3)) }
    #expect(unsaid?.what.contains("image_tokens has to be said") == true && unsaid?.what.contains("256") == true)
  }

  @Test("a projector of another form, width or pooling than asked for is refused by name, and a right one is taken")
  func given() throws {
    let mlp = try fresh(settings()), mlp2x = try fresh(settings(.mlp2x)), pooled = try fresh(settings(.mlp, pool: 2))
    let gemma3 = try fresh(settings(.gemma3, tokens: 9))
    for (config, settings) in [
      (mlp, settings()), (mlp, settings(.mlp)), (mlp, settings(.mlp, hidden: 80, pool: 1)), (mlp2x, settings(.mlp2x)),
      (mlp2x, settings(.mlp, hidden: 12)), (mlp2x, settings(hidden: 12)), (pooled, settings(.mlp, pool: 2)),
      (gemma3, settings(.gemma3)), (gemma3, settings(tokens: 9)), (gemma3, settings()),
    ] {
      #expect(throws: Never.self) { try config.require(settings, at: "a projector") }
    }
    for (config, settings, name, found) in [
      (mlp, settings(.gemma3), "projector", "mlp (mlp, 8 → 80 → 12)"), (mlp, settings(.mlp2x), "projector", "mlp "),
      (mlp2x, settings(.mlp), "projector", "mlp2x "), (gemma3, settings(.mlp), "projector", "gemma3 "),
      (mlp, settings(hidden: 81), "projector_hidden", "80 "),
      (gemma3, settings(hidden: 8), "projector_hidden", "none "),
      (mlp, settings(pool: 2), "pool", "1 "), (pooled, settings(pool: 1), "pool", "2 "),
      (gemma3, settings(pool: 2), "pool", "none "), (gemma3, settings(tokens: 4), "image_tokens", "9 "),
      (pooled, settings(tokens: 9), "image_tokens", "none "),
    ] {
      let error = thrownCarinaError { try config.require(settings, at: "a projector") }
      #expect(error?.kind == .usage && error?.location == "a projector")
      #expect(error?.what.hasSuffix(" \(name)") == true, "\(String(describing: error))")
      #expect(error?.found?.hasPrefix(found) == true, "\(String(describing: error))")
    }
  }
}
