import CarinaData
import CarinaModel
import CarinaRuntime
import CarinaTensor
import CarinaText
import Foundation

/// What `train-stage1` and `train-stage2` are asked to do.
public struct JointTrainingOptions: Sendable {
  /// Shards to train on, and to take a validation loss on.
  public var trainShards: String, validationShards: String?
  /// Where the parts come from: paths or Hugging Face ids; a projector directory, or nil for a fresh one.
  public var visionModel: String, languageModel: String, projector: String?
  /// Hidden width of a fresh projector; nil for ten times the vision width.
  public var projectorHidden: Int?
  /// Where the run goes.
  public var outputDirectory: String
  /// What is trained.
  public var policy: FreezingPolicy
  /// The run's numbers.
  public var settings = TrainingSettings()
  /// How weights are held.
  public var precision = ComputingPrecision.automatic
  /// How texts are laid out, and the limits on their ids.
  public var promptStyle: PromptStyle
  /// Limits on the ids of a question and of an answer.
  public var maximumQuestionTokens = 128, maximumAnswerTokens = 512
  /// Which features the projector reads, and whether the first patch is left out.
  public var feature = VisionFeature.postNorm, dropsFirstPatch = false
  /// Whether blocks run again in the backward pass instead of keeping their activations; nil where the forecast of memory decides.
  public var gradientCheckpointing: Bool?
  /// The most bytes that the process is to take; nil for what is available.
  public var memoryLimit: Int?
  /// How images are changed while training; nil leaves them as they are.
  public var augmentation: ImageAugmentation?
  /// The file in which the vision features are kept; nil computes them whenever they are wanted.
  public var featureCache: String?
  /// Whether to go on from a checkpoint.
  public var resume = ResumePolicy.automatic

  /// What cannot be left out.
  public init(
    trainShards: String, visionModel: String, languageModel: String, outputDirectory: String, policy: FreezingPolicy,
    promptStyle: PromptStyle
  ) {
    self.trainShards = trainShards
    self.visionModel = visionModel
    self.languageModel = languageModel
    self.outputDirectory = outputDirectory
    self.policy = policy
    self.promptStyle = promptStyle
  }
}

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

  /// What computes.
  public let device: Device

  /// Opens shards and checkpoints and joins the parts.
  /// - Throws: `CarinaError` naming the file or option at fault.
  public init(_ options: JointTrainingOptions, on device: Device) throws {
    self.options = options
    self.device = device
    try options.settings.validate()
    let policy = options.policy
    guard policy.trainsProjector || policy.trainsDecoder || policy.trainsVisionInFirstEpoch else {
      throw CarinaError(
        .usage, "nothing is left to train", remedy: "Leave out --no-unfreeze-llm or add --unfreeze-projection-layer.")
    }
    if let path = options.featureCache {
      let reasons = [
        (policy.trainsVisionInFirstEpoch, "--train-ve-first-epoch", "a frozen vision encoder"),
        (options.augmentation != nil, "--augment", "the same image in every epoch"),
      ]
      for (holds, option, expected) in reasons where holds {
        throw CarinaError(
          .usage, "--cache-vision-features and \(option) cannot go together", at: path,
          expected: "\(expected), whose features stay as they are", remedy: "Leave one of the two out.")
      }
    }
    visionDirectory = try ModelDirectory.locate(options.visionModel, for: "--vision-model")
    languageDirectory = try ModelDirectory.locate(options.languageModel, for: "--llm")
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
        expected: "\(size) pixels", found: "\(transform.size)", remedy: "Preprocess with --image-size \(size).")
    }
    let tokenizer = try TokenizerFactory.load(directory: languageDirectory.path)
    renderer = try PromptRenderer(
      tokenizer: tokenizer, style: options.promptStyle, maximumQuestionTokens: options.maximumQuestionTokens,
      maximumAnswerTokens: options.maximumAnswerTokens)
    forecast = try MemoryForecast(
      options, vision: visionDirectory, language: languageDirectory, samples: samples, renderer: renderer,
      packsFactors: device.backend.packsFactors)
    let vision = try visionDirectory.loadVisionEncoder(precision: precision, on: device.backend)
    let language = try languageDirectory.loadDecoder(precision: precision, on: device.backend)
    weights = (vision.weights, language.weights)
    model = try VisionLanguageModel(
      vision: vision.model,
      projector: try JointTraining.projector(
        options, vision: vision.model, decoder: language.model, precision: precision, on: device.backend),
      decoder: language.model, feature: options.feature, dropsFirstPatch: options.dropsFirstPatch)
    let cache = try options.featureCache.map { [model, validation] path in
      try FeatureCache(
        path,
        identity: FeatureIdentity(model, weights: vision.weights, transform: transform, precision: precision),
        imageCount: shards.imageCount + (validation?.shards.imageCount ?? 0), on: device.backend)
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
    _ options: JointTrainingOptions, vision: VisionEncoder, decoder: Decoder, precision: ElementType,
    on backend: any Backend
  ) throws -> Projector {
    if let path = options.projector {
      return try ModelDirectory.projector(path).loadProjector(precision: precision, on: backend).model
    }
    return Projector(
      freshProjector(options, vision: vision.config, decoder: decoder.config),
      from: RandomParameterSource(seed: options.settings.seed, precision: precision, on: backend))
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
    shouldStop: @escaping () -> Bool = { false }, onStep: @escaping (StepReport, _ total: Int) -> Void = { _, _ in }
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
        promptStyle: options.promptStyle, maximumQuestionTokens: options.maximumQuestionTokens,
        maximumAnswerTokens: options.maximumAnswerTokens, transform: samples.transform),
      type: options.precision.elementType, to: path)
  }

  /// Everything that decides the numbers of the run.
  private func configuration() throws -> JSONValue {
    let settings = options.settings, policy = options.policy
    var document: JSONValue = [
      "data": [
        "shards": .array(samples.shards.manifest.shards.map { .string($0.sha256) }),
        "transform": .string(samples.transform.id),
        "validation": .array((validation?.shards.manifest.shards ?? []).map { .string($0.sha256) }),
      ],
      "models": [
        "vision": .string(weights.vision.sampledFingerprint().description),
        "language": .string(weights.language.sampledFingerprint().description),
        "projector": .string(ParameterDigest(model.projector.parameters).whole.description),
        "feature": .string(options.feature.rawValue), "drop_first_patch": .bool(options.dropsFirstPatch),
      ],
      "trains": [
        "projector": .bool(policy.trainsProjector), "language_model": .bool(policy.trainsDecoder),
        "vision_in_first_epoch": .bool(policy.trainsVisionInFirstEpoch),
      ],
      "text": [
        "prompt_style": .string(options.promptStyle.rawValue),
        "max_q_len": .integer(options.maximumQuestionTokens), "max_a_len": .integer(options.maximumAnswerTokens),
      ],
      "precision": .string(options.precision.elementType.rawValue), "settings": settings.json,
    ]
    // Absent where it is off, so that runs of before it was there can be resumed.
    if let changes = samples.augmentation?.changes, var object = document.object {
      object["augment"] = .string(changes.description)
      document = .object(object)
    }
    return document
  }
}
