import CarinaData
import CarinaModel
import CarinaRuntime
import CarinaTensor
import CarinaText
import Foundation

/// Stage 0 of a real tower: a pretrained SigLIP tuned on images and their captions with its sigmoid loss, and written as a
/// SigLIP that stages 1 and 2 and transformers open.
public final class TowerTraining {
  private let options: TowerTrainingOptions
  private let part: LoadedPart<SiglipModel>
  private let freezing: TowerFreezing
  private let samples: ShardSamples, validation: ShardSamples?
  private let pairs: ContrastivePairs, heldOutPairs: ContrastivePairs?
  /// Ids of every text.
  public let textLength: Int
  private var pieces: ContrastivePieces
  /// How much memory the run will take.
  public let forecast: MemoryForecast
  /// What was noticed while loading, for the log.
  public private(set) var remarks: [String]
  /// What was assumed of the images where the model has no settings of them, for the header.
  public let imageAssumption: String?
  /// What computes.
  public let device: Device

  /// Opens shards and model.
  /// - Throws: `CarinaError` naming the file or option at fault, before a weight is read.
  public init(_ options: TowerTrainingOptions, on device: Device) throws {
    self.options = options
    self.device = device
    try options.validate()
    let directory = try ModelDirectory.locate(options.visionModel, for: .visionModel)
    let inputs = [options.trainShards, options.validationShards].compactMap { $0 } + [directory.path]
    try OutputDirectory.require(options.outputDirectory, outside: inputs, replacing: RunCheckpoints.replacedNames)
    let reading = try directory.siglipReading()
    try directory.requireBothTowers()
    textLength = try Self.textLength(options.settings, reading.text, at: directory)
    let texts = TowerTexts(
      try SiglipTextTokenizer(directory: directory.path, defaultPadding: reading.text.padToken),
      unit: options.settings.textUnit, length: textLength, vocabularySize: reading.text.vocabularySize)

    let shards = try ShardDirectory(options.trainShards)
    let settings = try directory.imageSettings(defaultSize: reading.vision.imageSize)
    imageAssumption = settings.assumption
    let own = PipelineTransform(settings.transform, knowsPixels: false, assumption: settings.assumption)
    let transform = try own.of(shards)
    try PipelineTransform.requireSize(transform, reading.vision, at: options.trainShards)
    samples = try ShardSamples(
      shards, transform: transform, augmentation: (options.images.augment, options.training.seed))
    let trained = try texts.pairs(samples, source: shards.path)
    pairs = trained.pairs
    var notes = reading.unknownKeys.map { "config.json: \($0) is not known and not used" }
    if trained.cutCount > 0 {
      notes.append("\(trained.cutCount) of \(pairs.texts.count) different texts are cut at \(textLength) ids")
    }
    if let path = options.validationShards {
      let held = try ShardDirectory(path)
      if let unnamed = try LeakageCheck.requireDisjoint(shards, held).remark { notes.append(unnamed) }
      let samples = try ShardSamples(held, transform: transform)
      validation = samples
      heldOutPairs = try texts.pairs(samples, source: path).pairs
    } else {
      (validation, heldOutPairs) = (nil, nil)
    }

    freezing = TowerFreezing(options.settings, blockCount: reading.vision.layerCount)
    pieces = ContrastivePieces(
      images: options.settings.chunkSize, vision: reading.vision, textLength: textLength)
    let precision = options.computing.precision.elementType
    forecast = try MemoryForecast(
      options, reading, in: directory, freezing: freezing, pairs: pairs, pieces: pieces, textLength: textLength,
      precision: precision, on: device.backend)
    pieces.keptPieces = forecast.keptPieces
    device.backend.expect(forecast.buffers)
    part = try directory.loadSiglip(precision: precision, on: device.backend)
    try device.backend.throwFailure()
    if freezing.freezesText { part.model.text.packWhenFrozen() }
    remarks = notes + part.remarks
    if let repeated = options.repeated {
      remarks += try repeated.remarks(on: configuration, isAnyway: options.repeatsAnyway)
    }
  }

  private static func textLength(
    _ settings: SettingValues<TowerSettingList>, _ text: TextEncoderConfig, at directory: ModelDirectory
  ) throws -> Int {
    guard let asked = settings.maximumTextLength else { return text.maximumPositions }
    guard asked <= text.maximumPositions else {
      throw CarinaError(
        .usage, "\(setting: TowerSettingList.declared.maximumTextLength.name) goes beyond the text tower's positions",
        at: directory.path, expected: "at most \(text.maximumPositions)", found: "\(asked)")
    }
    return asked
  }

  /// Images and different texts to train on, and held out.
  public var counts: (images: Int, texts: Int, heldOutImages: Int?, heldOutTexts: Int?) {
    (pairs.images.count, pairs.texts.count, heldOutPairs?.images.count, heldOutPairs?.texts.count)
  }

  /// Numbers of each part that are trained, and all of them.
  public var trainedCounts: [(part: String, trained: Int, all: Int)] {
    let parts = [
      ("vision tower", part.model.vision.parameters), ("text tower", part.model.text.parameters),
      ("temperature and bias", [part.model.logScale, part.model.logitBias]),
    ]
    return parts.map { name, parameters in
      (
        name, parameters.reduce(0) { $0 + (freezing.trains($1.name) ? $1.count : 0) },
        parameters.reduce(0) { $0 + $1.count }
      )
    }
  }

  /// How a batch is divided, in words.
  public var chunkSummary: String {
    let kept = pieces.keptPieces
    return "\(pieces.images) images, or \(pieces.texts) texts"
      + (kept > 0 ? "; of \(kept) pieces of images results are kept for their second pass" : "")
  }

  /// How a run goes: its optimizer steps, those that are warm-up, and how many an epoch has.
  public var scheduleSummary: String {
    LearningRateSchedule.summary(
      options.training, EpochOrder(options.training, sampleCount: pairs.images.count))
  }

  /// Trains to the end.
  /// - Throws: see `TrainingRun.run`.
  public func run(
    shouldStop: @escaping () -> Bool = { false }, onRemark: @escaping (String) -> Void = { _ in },
    onStep: @escaping (StepReport, _ total: Int) -> Void = { _, _ in }
  ) throws -> TrainingOutcome {
    let objective = ContrastiveObjective(
      model: part.model, pairs: pairs, samples: samples, freezing: freezing, pieces: pieces,
      isCheckpointed: forecast.isCheckpointed)
    let output = TowerRunOutput(part: part, freezing: freezing, transform: samples.transform)
    var run = TrainingRun(
      try Trainer(objective, settings: options.training), outputDirectory: options.outputDirectory,
      configuration: configuration, modelByteCount: try output.byteCount, writeModel: output.write)
    let watches = [try ModelWatch(part.weights), try ModelWatch(tokenizerOf: part.directory)]
    run.checkInputs = { for watch in watches { try watch.require() } }
    run.resume = options.training.resume
    run.goesOnAnyway = options.training.goesOnAnyway
    run.shouldStop = shouldStop
    run.onRemark = onRemark
    run.onStep = onStep
    if let validation, let heldOutPairs {
      let check = RetrievalCheck(
        model: part.model, pairs: heldOutPairs, samples: validation, pieces: pieces,
        batchSize: options.training.batchSize)
      let last = LastScores()
      run.validate = {
        let (loss, scores) = try check.run(shouldStop: shouldStop)
        last.scores = scores.named
        return loss
      }
      run.validationScores = { last.scores }
      run.validationInterval = options.validation.evalEvery ?? .epoch
    }
    run.bestPolicy = BestEvaluation(options.validation)
    return try run.run()
  }

  private final class LastScores { var scores: [(name: String, value: Double)] = [] }

  /// What the last validation of the run found, in words, as its log has it; nil where there was none.
  /// - Throws: `CarinaError.missingInput`, `.badData` for a log that cannot be read.
  public func retrievalSummary() throws -> String? {
    let path = TrainingLog.path(options.outputDirectory), lines = try LineReader(path)
    var summary: String?
    while let line = try lines.next() {
      let step = try JSONValue.parse(line, source: "\(path), line \(lines.number)")
      guard let words = RetrievalScores.words({ step[$0]?.double }) else { continue }
      summary = "after step \(step["step"]?.int ?? 0) \(words)"
    }
    return summary
  }

  /// Everything that decides the numbers of the run.
  private var configuration: JSONValue {
    func data(_ shards: ShardSamples?) -> JSONValue {
      .array((shards?.shards.manifest.shards ?? []).map { .string($0.sha256) })
    }
    var document = JSONObject([
      (
        "data",
        ["shards": data(samples), "transform": .string(samples.transform.id), "validation": data(validation)]
      ),
      ("models", ["siglip": .string(part.weights.sampledFingerprint().description)]),
      ("trains", freezing.json),
      ("text", ["ids": .integer(textLength), "unit": options.settings.textUnit.json]),
      ("tower", .object(options.settings.json)),
      ("settings", .object(options.training.json)),
    ])
    if !options.validation.json.isEmpty { document["validation"] = .object(options.validation.json) }
    for values in [options.computing.json, options.images.json] {
      for (name, value) in values { document[name] = value }
    }
    return .object(document)
  }
}
