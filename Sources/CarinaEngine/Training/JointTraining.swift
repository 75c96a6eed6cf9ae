import CarinaData
import CarinaModel
import CarinaRuntime
import CarinaTensor
import CarinaText
import Foundation

/// Stages 1 and 2 from shards and checkpoints to a joined model in a run directory.
public final class JointTraining {
  /// What is done: what was asked for, with components whose rate is 0 frozen.
  public let options: JointTrainingOptions
  private let pipeline: JoinedPipeline
  private let isJoined: Bool
  private let renderer: PromptRenderer
  private let samples: ShardSamples, validation: ShardSamples?
  private let sampleLengths: [Int]?
  private let features: CachedVisionFeatures?, validationFeatures: CachedVisionFeatures?
  let adapters: TrainedAdapters?
  private let cutTexts: CutTexts
  private let validator: Validator?
  /// The file of kept vision features.
  public let featureCache: FeatureCache?
  /// How much memory the run will take.
  public let forecast: MemoryForecast
  /// What was noticed while loading, for the log.
  public private(set) var remarks: [String] = []

  /// What was assumed of the images where the vision encoder has no settings of them, for the header.
  public let imageAssumption: String?

  /// What computes.
  public let device: Device

  /// Opens shards and checkpoints and joins the parts.
  /// - Throws: `CarinaError` naming the file or option at fault.
  public init(_ options: JointTrainingOptions, on device: Device) throws {
    var options = options
    options.freezeRestingComponents()
    self.options = options
    self.device = device
    try options.validate()
    try FrozenWeightsSettingList.require(options.frozenWeights, on: device)
    let checkpoint = try options.checkpoint.map { try CheckpointParts($0) }
    try checkpoint?.requirePlain()
    let parts =
      try checkpoint?.parts.with(options.features)
      ?? PipelineParts(
        languageModel: options.languageModel, languageSetting: .languageModel, visionModel: options.visionModel,
        projector: options.projector, freshProjector: (options.projectorSettings, options.settings.seed),
        feature: options.features.feature, dropsFirstPatch: options.features.dropsFirstPatch)
    let inputs = [options.trainShards, options.validationShards].compactMap { $0 } + parts.directories
    try OutputDirectory.require(options.outputDirectory, outside: inputs, replacing: RunCheckpoints.replacedNames)
    if let path = options.featureCache { try OutputDirectory.require(path, outside: inputs) }
    try parts.requireProjector(options.projectorSettings)
    let shards = try ShardDirectory(options.trainShards)
    let own =
      try checkpoint?.transform(defaultSize: shards.transform.size)
      ?? parts.ownTransform(defaultSize: shards.transform.size)
    imageAssumption = own.assumption
    let transform = try own.of(shards)
    samples = try ShardSamples(
      shards, transform: transform, augmentation: (options.images.augment, options.settings.seed))
    var unnamed: String?
    if let path = options.validationShards {
      let held = try ShardDirectory(path)
      unnamed = try LeakageCheck.requireDisjoint(shards, held).remark
      validation = try ShardSamples(held, transform: transform)
    } else {
      validation = nil
    }
    try PipelineTransform.requireSize(transform, parts.vision.visionConfig(), at: options.trainShards)
    var renderer = try parts.renderer(
      style: options.prompt.style, maximumQuestionTokens: options.prompt.maximumQuestionTokens,
      maximumAnswerTokens: options.prompt.maximumAnswerTokens, system: options.prompt.system)
    renderer.supervision = options.prompt.supervision
    self.renderer = renderer
    sampleLengths =
      options.settings.bucketsByLength
      ? try LengthBuckets.lengths(
        of: samples, renderer: renderer,
        rowsPerImage: try parts.rowsPerImage(dropsFirstPatch: options.features.dropsFirstPatch)) : nil
    let plan = try parts.loraPlan(options.lora)
    forecast = try MemoryForecast(
      options, parts, adapters: plan, samples: samples, validation: validation, renderer: renderer,
      lengths: sampleLengths,
      on: device.backend)
    pipeline = try parts.join(precision: options.computing.precision.elementType, on: device.backend)
    if options.frozenWeights.base == .int8 { pipeline.model.decoder.multiplyInBytes() }
    if options.frozenWeights.vision == .int8 { pipeline.model.vision.multiplyInBytes() }
    adapters = plan?.attach(to: pipeline.model, seed: options.settings.seed)
    isJoined = checkpoint?.parts.isOneDirectory ?? false
    featureCache = try (options.isDryRun ? nil : options.featureCache).map { [pipeline, validation] in
      try pipeline.featureCache(
        $0, transform: transform, imageCount: shards.imageCount + (validation?.shards.imageCount ?? 0))
    }
    let kept = { [featureCache, pipeline] (samples: ShardSamples) throws -> CachedVisionFeatures? in
      try featureCache.map {
        try CachedVisionFeatures($0, shards: samples.shards, transform: transform, model: pipeline.model)
      }
    }
    features = try kept(samples)
    validationFeatures = try validation.flatMap { try kept($0) }
    for samples in [samples, validation].compactMap({ $0 }) {
      try LongSamples.refuse(samples, renderer: renderer, model: pipeline.model, source: samples.shards.path)
    }
    validator =
      try options.validation.evalEvery == nil
      ? nil
      : validation.map { [pipeline, renderer, validationFeatures] in
        try Validator(
          pipeline.model, samples: $0, renderer: renderer, policy: options.policy, kept: validationFeatures,
          settings: options.validation, batchSize: options.settings.batchSize, seed: options.settings.seed)
      }
    if !forecast.packsFrozen { pipeline.model.vision.leaveUnpacked() }
    if !options.policy.trainsDecoder, forecast.packsFrozen, options.frozenWeights.base == .full {
      pipeline.model.decoder.packWhenFrozen()
    }
    cutTexts = try CutTexts(samples, renderer: renderer)
    remarks =
      (pipeline.vision.unknownKeys.map { "vision config.json: \($0) is not known and not used" })
      + (pipeline.language.unknownKeys.map { "language config.json: \($0) is not known and not used" })
      + pipeline.remarks + (featureCache.map { $0.isWritable ? [] : [$0.readOnlyRemark] } ?? [])
      + cutTexts.remarks(of: samples.count, renderer) + (unnamed.map { [$0] } ?? [])
      + (validator?.remarks ?? [])
    if let repeated = options.repeated {
      remarks += try repeated.remarks(
        on: try configuration(), hasFreshProjector: pipeline.projector == nil, isAnyway: options.repeatsAnyway)
    }
  }

  /// The joined model.
  public var model: VisionLanguageModel { pipeline.model }

  /// What is trained, part by part: numbers of its adapters or of its own weights, and numbers of all its weights.
  public var trainedCounts: [(part: String, isAdapted: Bool, trained: Int, all: Int)] {
    let policy = options.policy
    let whole: [AdaptedPart: Bool] = [
      .languageModel: policy.trainsDecoder, .visionEncoder: policy.trainsVisionInFirstEpoch,
      .projector: policy.trainsProjector,
    ]
    return AdaptedPart.allCases.compactMap { part in
      let all = part.parameters(of: model).reduce(0) { $0 + $1.count }
      if whole[part] == true { return (part.words, false, all, all) }
      let count = adapters?.plan.count(of: part) ?? 0
      return count > 0 ? (part.words, true, count, all) : nil
    }
  }

  /// Samples to train on, and held out.
  public var sampleCounts: (train: Int, validation: Int?) { (samples.count, validation?.count) }

  /// How a run goes: its optimizer steps, those that are warm-up, and how many an epoch has.
  public var scheduleSummary: String { LearningRateSchedule.summary(options.settings, order) }

  private var order: EpochOrder {
    EpochOrder(options.settings, sampleCount: samples.count, lengths: sampleLengths)
  }

  /// How many questions and answers are cut, and where.
  public var cutSummary: String { cutTexts.summary(renderer) }

  /// Positions of an epoch, and how many of them are predicted: counted, or where there are many samples judged by
  /// `most` of them that lie evenly among all.
  /// - Throws: as `PromptRenderer.training`.
  public func tokenSummary(countingAtMost most: Int = .max) throws -> String {
    var positions = 0, supervised = 0
    let counted = min(samples.count, most)
    for index in 0..<counted {
      // Of equal distances, without a product that could overflow.
      let sample = counted == samples.count ? index : Int(Double(index) * Double(samples.count) / Double(counted))
      let (question, answer) = samples.text(sample)
      let prompt = try renderer.training(
        question: question, answer: answer, images: samples.images(of: sample).count)
      positions += prompt.count + model.rowsPerImage * prompt.imageCount
      supervised += prompt.supervisedCount
    }
    let share = String(format: "%.1f%%", 100 * Double(supervised) / Double(max(positions, 1)))
    guard counted < samples.count else {
      return "\(positions) positions an epoch, \(supervised) of them predicted (\(share))"
    }
    let factor = Double(samples.count) / Double(max(counted, 1))
    func about(_ count: Int) -> String { String(format: "%.3g million", Double(count) * factor / 1e6) }
    return "about \(about(positions)) positions an epoch, \(about(supervised)) of them predicted (\(share)), "
      + "by \(counted) of \(samples.count) samples"
  }

  /// The first samples of the run as the model reads them, a line a position.
  /// - Throws: as `PromptRenderer.training`.
  public func tokenDump(_ count: Int) throws -> [String] {
    return try order.samples(epoch: 0).prefix(count).flatMap { sample in
      let (question, answer) = samples.text(sample)
      let prompt = try renderer.training(
        question: question, answer: answer, images: samples.images(of: sample).count)
      return TokenDump(
        prompt, name: samples.name(of: sample), tokenizer: renderer.tokenizer, rowsPerImage: model.rowsPerImage
      ).lines
    }
  }

  /// Trains to the end.
  /// - Throws: see `TrainingRun.run`.
  public func run(
    shouldStop: @escaping () -> Bool = { false }, onRemark: @escaping (String) -> Void = { _ in },
    onStep: @escaping (StepReport, _ total: Int) -> Void = { _, _ in },
    onValidation: @escaping (ValidationReport) -> Void = { _ in }
  ) throws -> TrainingOutcome {
    let objective = JointObjective(
      model: model, samples: samples, renderer: renderer, policy: options.policy,
      isCheckpointed: forecast.isCheckpointed, features: features, adapters: adapters)
    objective.rates = ComponentRates(options.settings)
    objective.labelSmoothing = options.settings.labelSmoothing
    objective.sampleLengths = sampleLengths
    let trainer = try Trainer(objective, settings: options.settings)
    var run = TrainingRun(
      trainer, outputDirectory: options.outputDirectory, configuration: try configuration(),
      modelByteCount: try modelByteCount, writeModel: { [self] in try write(to: $0) })
    let watches = try pipeline.watches()
    run.checkInputs = { for watch in watches { try watch.require() } }
    run.resume = options.settings.resume
    run.goesOnAnyway = options.settings.goesOnAnyway
    run.shouldStop = shouldStop
    run.onRemark = onRemark
    run.onStep = onStep
    if let validation { run.validate = { [self] in try validationLoss(validation, shouldStop) } }
    run.bestPolicy = BestEvaluation(options.validation)
    run.onValidation = onValidation
    if let validator, let interval = options.validation.evalEvery {
      run.evaluation = RunEvaluation(every: interval, pictures: validator.pictures, evaluate: validator.run)
    }
    return try run.run()
  }

  /// The images of a held-out sample as they are stored, each a PNG file; none where the run has no validation with
  /// answers.
  /// - Throws: `CarinaError.badData` for a shard that cannot be read.
  public func pictures(ofValidationSample sample: Int) throws -> [Data] { try validator?.pictures(of: sample) ?? [] }

  /// Mean loss per supervised token on held-out samples.
  private func validationLoss(_ samples: ShardSamples, _ shouldStop: () -> Bool) throws -> Double {
    let objective = JointObjective(
      model: model, samples: samples, renderer: renderer, policy: options.policy, features: validationFeatures)
    var sum = 0.0, tokens = 0
    for first in stride(from: 0, to: samples.count, by: options.settings.batchSize) {
      try StopRequest.check(shouldStop)
      let batch = try objective.prepare(Array(first..<min(samples.count, first + options.settings.batchSize)))
      sum += try objective.evaluate(batch)
      tokens += objective.weight(of: batch)
    }
    return sum / Double(max(tokens, 1))
  }

  /// About how many bytes `write` takes.
  private var modelByteCount: Int {
    get throws { isJoined ? try joinedOutput.byteCount : partsByteCount }
  }

  private var partsByteCount: Int {
    func bytes(_ parameters: [Parameter], _ type: ElementType) -> Int {
      parameters.reduce(0) { $0 + $1.count * type.byteCount }
    }
    let policy = options.policy, type = options.computing.precision.elementType,
      texts = pipeline.tokenizer.tokenizerByteCount
    let frozen: ElementType = options.isStandalone ? .float32 : type, copies = options.isStandalone
    return bytes(model.projector.parameters, .float32) + texts + bytes(adapters?.parameters ?? [], .float32)
      + (policy.trainsDecoder || copies ? bytes(model.decoder.parameters, frozen) + texts : 0)
      + (policy.trainsVisionInFirstEpoch || copies ? bytes(model.vision.parameters, frozen) : 0)
  }

  private var joinedOutput: JoinedRunOutput {
    JoinedRunOutput(pipeline: pipeline, policy: options.policy, description: description)
  }

  private var description: JoinedModelWriter.Description {
    JoinedModelWriter.Description(
      promptStyle: options.prompt.style, maximumQuestionTokens: options.prompt.maximumQuestionTokens,
      maximumAnswerTokens: options.prompt.maximumAnswerTokens, transform: samples.transform,
      system: options.prompt.system)
  }

  private func write(to path: String) throws {
    guard !isJoined || adapters != nil else { return try joinedOutput.write(to: path) }
    let policy = options.policy, language = pipeline.language.directory, vision = pipeline.vision.directory
    // What adapters over a joined model train whole is theirs, so that PEFT finds it too.
    let keepsProjector = adapters != nil && language.isJoined && pipeline.projector?.directory == language
    func storage<Model>(_ part: LoadedPart<Model>, isTrained: Bool) -> JoinedModelWriter.Storage {
      isTrained ? .copy : options.isStandalone ? .stored(part.tensors) : .reference(part.directory)
    }
    try JoinedModelWriter.write(
      model, languageModel: storage(pipeline.language, isTrained: policy.trainsDecoder),
      visionEncoder: storage(pipeline.vision, isTrained: policy.trainsVisionInFirstEpoch),
      projector: keepsProjector ? .reference(language) : .copy,
      adapter: adapters.map {
        AdapterWriter(
          $0, of: model, language: language, vision: vision, projector: pipeline.projector?.directory,
          wholeProjector: keepsProjector && policy.trainsProjector ? model.projector : nil)
      },
      tokenizer: pipeline.tokenizer, description: description,
      type: options.computing.precision.elementType, to: path)
  }

  /// Everything that decides the numbers of the run.
  private func configuration() throws -> JSONValue {
    let policy = options.policy
    var models: JSONObject = options.features.json
    models["vision"] = .string(pipeline.vision.weights.sampledFingerprint().description)
    models["language"] = .string(pipeline.language.weights.sampledFingerprint().description)
    models["projector"] = .string(ParameterDigest(model.projector.parameters).whole.description)
    var trains = JSONObject([
      ("projector", .bool(policy.trainsProjector)), ("language_model", .bool(policy.trainsDecoder)),
      ("vision_in_first_epoch", .bool(policy.trainsVisionInFirstEpoch)),
    ])
    if policy.freezesEmbeddings { trains["embeddings"] = false }
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
      ("trains", .object(trains)),
      ("text", .object(options.prompt.json)),
      ("settings", .object(options.settings.json)),
    ])
    document["projector"] = model.projector.config.record(
      asked: pipeline.projector == nil ? options.projectorSettings.form : nil)
    if adapters != nil { document["lora"] = .object(options.lora.json) }
    if !options.validation.json.isEmpty { document["validation"] = .object(options.validation.json) }
    for values in [options.computing.json, options.images.json, options.frozenWeights.json] {
      for (name, value) in values { document[name] = value }
    }
    document[RunRecord.byteRoundingKey] =
      options.frozenWeights.hasBytes ? .integer(ByteRounding.version) : nil
    return .object(document)
  }
}
