import CarinaData
import CarinaModel
import CarinaRuntime
import CarinaTensor
import CarinaText
import Foundation

/// Stages 1 and 2 from shards and checkpoints to a joined model in a run directory.
public final class JointTraining {
  private let options: JointTrainingOptions
  private let visionDirectory: ModelDirectory, languageDirectory: ModelDirectory
  private let weights: (vision: WeightsDirectory, language: WeightsDirectory)
  private let renderer: PromptRenderer
  private let samples: ShardSamples, validation: ShardSamples?
  private let features: CachedVisionFeatures?, validationFeatures: CachedVisionFeatures?
  /// The joined model.
  public let model: VisionLanguageModel
  /// How much memory the run will take.
  public let forecast: MemoryForecast
  /// What was noticed while loading, for the log.
  public private(set) var remarks: [String] = []

  /// Opens shards and checkpoints and joins the parts.
  /// - Throws: `CarinaError` naming the file or option at fault.
  public init(_ options: JointTrainingOptions) throws {
    self.options = options
    try options.settings.validate()
    try options.prompt.validate()
    let policy = options.policy
    guard policy.trainsProjector || policy.trainsDecoder || policy.trainsVisionInFirstEpoch else {
      throw CarinaError(
        .usage, "nothing is left to train",
        remedy: "Leave out \(setting: SettingName.unfreezeLanguageModel.off) or add \(setting: .unfreezeProjector).")
    }
    if let path = options.featureCache {
      let reasons = [
        (policy.trainsVisionInFirstEpoch, SettingName.trainVisionFirstEpoch, "a frozen vision encoder"),
        (options.augmentation != nil, SettingName.augment, "the same image in every epoch"),
      ]
      for (holds, option, expected) in reasons where holds {
        throw CarinaError(
          .usage, "\(setting: .visionFeatureCache) and \(setting: option) cannot go together", at: path,
          expected: "\(expected), whose features stay as they are", remedy: "Leave one of the two out.")
      }
    }
    visionDirectory = try ModelDirectory.locate(options.visionModel, for: .visionModel)
    languageDirectory = try ModelDirectory.locate(options.languageModel, for: .languageModel)
    let shards = try ShardDirectory(options.trainShards)
    let transform = try shards.transform.withNormalization(
      of: ImageTransform.ofCheckpoint(visionDirectory.path, defaultSize: shards.transform.size), at: shards.path)
    samples = try ShardSamples(
      shards, transform: transform, augmentation: options.augmentation.map { ($0, options.settings.seed) })
    if let path = options.validationShards {
      let held = try ShardDirectory(path)
      _ = try LeakageCheck.requireDisjoint(shards, held)
      validation = try ShardSamples(held, transform: transform)
    } else {
      validation = nil
    }
    let precision = options.precision.elementType
    let size = try visionDirectory.visionConfig().imageSize
    guard size == transform.size else {
      throw CarinaError(
        .badData, "the shards hold images of another size than the vision encoder takes", at: options.trainShards,
        expected: "\(size) pixels", found: "\(transform.size)",
        remedy: "Preprocess with \(setting: .imageSize) \(size).")
    }
    let tokenizer = try TokenizerFactory.load(directory: languageDirectory.path)
    renderer = try PromptRenderer(
      tokenizer: tokenizer, style: options.prompt.style, maximumQuestionTokens: options.prompt.maximumQuestionTokens,
      maximumAnswerTokens: options.prompt.maximumAnswerTokens)
    forecast = try MemoryForecast(
      options, vision: visionDirectory, language: languageDirectory, samples: samples, renderer: renderer)
    let vision = try visionDirectory.loadVisionEncoder(precision: precision)
    let language = try languageDirectory.loadDecoder(precision: precision)
    weights = (vision.weights, language.weights)
    model = try VisionLanguageModel(
      vision: vision.model,
      projector: try JointTraining.projector(
        options, vision: vision.model, decoder: language.model, precision: precision),
      decoder: language.model, feature: options.features.feature, dropsFirstPatch: options.features.dropsFirstPatch)
    let cache = try options.featureCache.map { [model, validation] path in
      try FeatureCache(
        path,
        identity: FeatureIdentity(model, weights: vision.weights, transform: transform, precision: precision),
        imageCount: shards.imageCount + (validation?.shards.imageCount ?? 0))
    }
    features = try cache.map { [samples, model] in
      try CachedVisionFeatures($0, shards: samples.shards, transform: transform, model: model)
    }
    validationFeatures = try cache.flatMap { [validation, model] cache in
      try validation.map {
        try CachedVisionFeatures(cache, shards: $0.shards, transform: transform, model: model)
      }
    }
    if !options.policy.trainsDecoder { model.decoder.packWhenFrozen() }
    remarks =
      (vision.unknownKeys.map { "vision config.json: \($0) is not known and not used" })
      + (language.unknownKeys.map { "language config.json: \($0) is not known and not used" })
      + (cache.map { $0.isWritable ? [] : [$0.readOnlyRemark] } ?? [])
      + (try CutTexts(samples, renderer: renderer).remarks(of: samples.count, renderer))
  }

  private static func projector(
    _ options: JointTrainingOptions, vision: VisionEncoder, decoder: Decoder, precision: ElementType
  ) throws -> Projector {
    if let path = options.projector {
      return try ModelDirectory.projector(path).loadProjector(precision: precision).model
    }
    return Projector(
      freshProjector(options, vision: vision.config, decoder: decoder.config),
      from: RandomParameterSource(seed: options.settings.seed, precision: precision))
  }

  /// The sizes of a projector that is not read from anywhere.
  static func freshProjector(
    _ options: JointTrainingOptions, vision: VisionConfig, decoder: DecoderConfig
  ) -> ProjectorConfig {
    ProjectorConfig(
      inputSize: vision.hiddenSize, hiddenSize: options.projectorHidden ?? vision.hiddenSize * 10,
      outputSize: decoder.hiddenSize)
  }

  /// The file of kept vision features.
  public var featureCache: FeatureCache? { features?.cache }

  /// Samples to train on, and held out.
  public var sampleCounts: (train: Int, validation: Int?) { (samples.count, validation?.count) }

  /// Trains to the end.
  /// - Throws: see `TrainingRun.run`.
  public func run(
    shouldStop: @escaping () -> Bool = { false }, onRemark: @escaping (String) -> Void = { _ in },
    onStep: @escaping (StepReport, _ total: Int) -> Void = { _, _ in }
  ) throws -> TrainingOutcome {
    let objective = JointObjective(
      model: model, samples: samples, renderer: renderer, policy: options.policy,
      isCheckpointed: forecast.isCheckpointed, features: features)
    let trainer = try Trainer(objective, settings: options.settings)
    var run = TrainingRun(
      trainer, outputDirectory: options.outputDirectory, configuration: try configuration(),
      writeModel: { [self] in try write(to: $0) })
    run.resume = options.resume
    run.shouldStop = shouldStop
    run.onRemark = onRemark
    run.onStep = onStep
    if let validation { run.validate = { [self] in try validationLoss(validation) } }
    return try run.run()
  }

  /// Mean loss per supervised token on held-out samples.
  private func validationLoss(_ samples: ShardSamples) throws -> Double {
    let objective = JointObjective(
      model: model, samples: samples, renderer: renderer, policy: options.policy, features: validationFeatures)
    var sum = 0.0, tokens = 0
    for first in stride(from: 0, to: samples.count, by: options.settings.batchSize) {
      let batch = try objective.prepare(Array(first..<min(samples.count, first + options.settings.batchSize)))
      sum += try objective.evaluate(batch)
      tokens += objective.weight(of: batch)
    }
    return sum / Double(max(tokens, 1))
  }

  private func write(to path: String) throws {
    let policy = options.policy
    try JoinedModelWriter.write(
      model, languageModel: policy.trainsDecoder ? .copy : .reference(languageDirectory),
      visionEncoder: policy.trainsVisionInFirstEpoch ? .copy : .reference(visionDirectory),
      tokenizer: languageDirectory,
      description: JoinedModelWriter.Description(
        promptStyle: options.prompt.style, maximumQuestionTokens: options.prompt.maximumQuestionTokens,
        maximumAnswerTokens: options.prompt.maximumAnswerTokens, transform: samples.transform),
      type: options.precision.elementType, to: path)
  }

  /// Everything that decides the numbers of the run.
  private func configuration() throws -> JSONValue {
    let policy = options.policy
    var models: JSONObject = options.features.json
    models["vision"] = .string(weights.vision.sampledFingerprint().description)
    models["language"] = .string(weights.language.sampledFingerprint().description)
    models["projector"] = .string(ParameterDigest(model.projector.parameters).whole.description)
    var document = JSONObject([
      (
        "data",
        [
          "shards": .array(samples.shards.manifest.shards.map { .string($0.sha256) }),
          "transform": .string(samples.transform.id),
          "validation": .array((validation?.shards.manifest.shards ?? []).map { .string($0.sha256) }),
        ]
      ),
      ("models", .object(models)),
      (
        "trains",
        [
          "projector": .bool(policy.trainsProjector), "language_model": .bool(policy.trainsDecoder),
          "vision_in_first_epoch": .bool(policy.trainsVisionInFirstEpoch),
        ]
      ),
      ("text", .object(options.prompt.json)),
      ("precision", .string(options.precision.elementType.rawValue)), ("settings", .object(options.settings.json)),
    ])
    // Absent where it is off, so that runs of before it was there can be resumed.
    document["augment"] = (samples.augmentation?.changes).map { .string($0.description) }
    return .object(document)
  }
}
