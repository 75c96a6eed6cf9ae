import Carina

/// The joined model of true size that steps are timed on, with one image and a text of random ids: SigLIP ViT-L/16-384, a
/// projector of hidden width 10,240 and Gemma 3 1B, read from `DIR/siglip-l-random` and `DIR/gemma3-1b-random`; or a joined
/// Gemma 3 checkpoint.
struct FullSizeModel {
  let model: VisionLanguageModel
  let pixels: Tensor
  /// The ids of the text.
  let ids: [Int]
  /// Samples that are computed together, each of one image.
  let batch: Int
  /// Tokens of a question, and answers after which everything of the decoder is packed that is going to be.
  let promptTokens: Int, warmUps: Int

  /// Loads the parts; the projector's weights are drawn.
  /// - Parameter visionAlone: whether the vision encoder alone is asked, beside a decoder of a few weights, so that the
  ///   memory is that of the encoder.
  init(
    directory: String, precision: ComputingPrecision, textTokens: Int, batch: Int = 1, visionAlone: Bool = false,
    on device: Device
  ) throws {
    let type = precision.elementType
    let vision = try ModelDirectory.locate("\(directory)/siglip-l-random", for: SettingName("models"))
      .loadVisionEncoder(precision: type, on: device.backend).model
    let decoder =
      visionAlone
      ? Decoder(.small, from: RandomParameterSource(seed: 1, precision: type, on: device.backend))
      : try ModelDirectory.locate("\(directory)/gemma3-1b-random", for: SettingName("models"))
        .loadDecoder(precision: type, on: device.backend).model
    let projector = Projector(
      ProjectorConfig(
        inputSize: vision.config.hiddenSize, hiddenSize: visionAlone ? 1 : vision.config.hiddenSize * 10,
        outputSize: decoder.config.hiddenSize),
      from: RandomParameterSource(seed: 1, precision: type, on: device.backend))
    self.init(
      try VisionLanguageModel(vision: vision, projector: projector, decoder: decoder), textTokens: textTokens,
      batch: batch, promptTokens: 16, warmUps: 2, on: device)
  }

  /// Loads a joined checkpoint, whose decoder is too large to be packed.
  init(
    checkpoint: String, precision: ComputingPrecision, textTokens: Int, batch: Int = 1, on device: Device
  ) throws {
    let parts = try PipelineParts(joined: ModelDirectory.locate(checkpoint, for: SettingName("checkpoint")))
    let pipeline = try parts.join(precision: precision.elementType, on: device.backend)
    self.init(pipeline.model, textTokens: textTokens, batch: batch, promptTokens: 32, warmUps: 1, on: device)
  }

  private init(
    _ model: VisionLanguageModel, textTokens: Int, batch: Int, promptTokens: Int, warmUps: Int, on device: Device
  ) {
    self.model = model
    self.batch = batch
    self.promptTokens = promptTokens
    self.warmUps = warmUps
    // As the programs do.
    model.decoder.packWhenFrozen()
    let size = model.vision.config.imageSize
    pixels = Samples(backend: device.backend).tensor([batch, 3 * size * size])
    var generator = SeededGenerator(seed: 2, stream: "benchmark text")
    let most = Double(model.decoder.config.vocabularySize)
    ids = (0..<textTokens).map { _ in Int(generator.uniform(in: 3..<most)) }
  }

  /// Image and text of each sample, with the loss on the text from token `first` on.
  func sequences(supervisedFrom first: Int) -> [ImageTextSequence] {
    let supervised = ids.indices.map { $0 >= first }
    return (0..<batch).map {
      ImageTextSequence(tokensBefore: [], image: $0, tokensAfter: ids, supervised: supervised)
    }
  }

  /// Image and question of each sample.
  var prompts: [ImageTextSequence] {
    let question = Array(ids.prefix(promptTokens))
    return (0..<batch).map { ImageTextSequence(tokensBefore: [], image: $0, tokensAfter: question) }
  }

  /// Floating-point operations of the products of one sequence of `rows` rows through all decoder blocks, scores
  /// included.
  func blockProducts(rows: Int) -> Double {
    let config = model.decoder.config
    let perRow =
      2 * config.hiddenSize * config.headSize * (config.headCount + config.keyValueHeadCount)
      + 3 * config.hiddenSize * config.intermediateSize
    let scores = rows * rows * config.headCount * config.headSize  // both products, half of each in the future
    return 2 * Double(config.layerCount) * (Double(rows * perRow) + Double(scores))
  }

  /// The same for the vision encoder and one image.
  var visionProducts: Double {
    let config = model.vision.config, patches = config.patchCount, width = config.hiddenSize
    let perPatch = 4 * width * width + 2 * width * config.intermediateSize
    let blocks = config.layerCount * (patches * perPatch + 2 * patches * patches * width)
    return 2 * Double(blocks + patches * width * config.channelCount * config.patchSize * config.patchSize)
  }

  /// The same for the projector and one image.
  var projectorProducts: Double {
    let config = model.projector.config
    return 2 * Double(model.rowsPerImage * config.hiddenSize * (config.inputSize + config.outputSize))
  }

  /// The same for the head over `rows` rows.
  func headProducts(rows: Int) -> Double {
    2 * Double(rows * model.decoder.config.vocabularySize * model.decoder.config.hiddenSize)
  }
}

extension DecoderConfig {
  /// The least that a joined model needs.
  fileprivate static let small = DecoderConfig(
    vocabularySize: 8, hiddenSize: 8, intermediateSize: 8, headCount: 1, keyValueHeadCount: 1, headSize: 8,
    layerIsLocal: [false], window: 8, localRotaryBase: 10_000, globalRotaryBase: 1_000_000, attentionScale: 1,
    maximumPositions: 1024, endTokens: [1], padToken: 0, beginToken: 2)
}
