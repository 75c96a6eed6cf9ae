import CarinaData
import CarinaMetrics
import CarinaModel
import CarinaRuntime
import CarinaTensor
import CarinaText
import Foundation

/// Asks a model about every image of a shard directory, greedily and batch by batch, and scores the answers.
///
/// An image is encoded once a batch however many questions are asked about it. What was answered is kept on disk as the
/// run goes, so that an evaluation that was stopped goes on where it was and ends with the same bytes.
public final class Evaluator {
  private let model: EvaluatorModel
  private let shards: ShardDirectory
  private let options: EvaluatorOptions
  private let transform: ImageTransform
  private let questions: EvaluatorQuestions
  private let partners: ShuffledImages?
  private let generator: Generator
  private let features: VisionFeatures
  /// The file of kept vision features.
  public let featureCache: FeatureCache?
  private var progress: EvaluatorProgress?
  private let lock: EvaluationLock?

  /// Checks that model and shards belong together and renders every question.
  /// - Parameter lock: that of the output directory where it is held already; nil takes it for each run.
  /// - Throws: `CarinaError` naming the option, file or sample at fault.
  public init(model: EvaluatorModel, shards: ShardDirectory, options: EvaluatorOptions, lock: EvaluationLock? = nil)
    throws
  {
    try options.validate()
    self.lock = lock
    self.model = model
    self.shards = shards
    self.options = options
    let answering = model.answering
    for output in [options.outputDirectory, options.featureCache].compactMap({ $0 }) {
      try OutputDirectory.require(output, outside: [shards.path] + answering.pipeline.directories)
    }
    transform = try answering.images.of(shards)
    try PipelineTransform.requireSize(transform, answering.model.vision.config, at: shards.path)
    featureCache = try options.featureCache.map { [transform] in
      try answering.pipeline.featureCache($0, transform: transform, imageCount: shards.imageCount)
    }
    features = VisionFeatures(
      answering.model, samples: try ShardSamples(shards, transform: transform),
      kept: try featureCache.map { [transform] in
        try CachedVisionFeatures($0, shards: shards, transform: transform, model: answering.model)
      })
    questions = try EvaluatorQuestions(
      shards, limit: options.limit, withReferences: options.withLikelihood, model: model)
    partners =
      options.arms.contains(.shuffled)
      ? try ShuffledImages(lists: questions.distinctLists, seed: options.seed) : nil
    generator = Generator(
      model: model.answering.model, stopTokens: model.answering.stopTokens, options: options.generation)
  }

  /// How many answers there will be over all arms, and how many questions and images an arm has.
  public var counts: (answers: Int, questions: Int, images: Int) {
    (questions.samples.count * options.arms.count, questions.samples.count, questions.images.count)
  }

  /// Answers everything that is not answered yet, scores, and writes predictions, `metrics.json` and `run.json`.
  ///
  /// `metrics.json` depends on model, data and options alone: no times, paths or numbers of threads.
  /// - Parameters:
  ///   - onResume: told once how many answers an earlier run has left, where there are any.
  ///   - onAnswers: told how many answers are there after each batch.
  /// - Throws: `CarinaError.interrupted` when asked to stop, `.usage` when the output directory holds an unfinished
  ///   evaluation with another configuration or another process evaluates into it, `.badData`, `.cannotWrite`.
  public func run(
    shouldStop: () -> Bool = { false }, onResume: (Int) -> Void = { _ in }, onAnswers: (Int) -> Void = { _ in }
  ) throws -> EvaluatorOutcome {
    let configuration = configuration, watches = try model.answering.pipeline.watches()
    let lock = try self.lock ?? EvaluationLock(outputDirectory: options.outputDirectory)
    defer { withExtendedLifetime(lock) {} }
    let progress = try EvaluatorProgress(
      outputDirectory: options.outputDirectory, configuration: configuration, batchSize: options.batchSize,
      total: questions.samples.count)
    self.progress = progress
    var answers: [EvaluatorArm: [EvaluatorAnswer]] = [:]
    for arm in options.arms { answers[arm] = try resumed(arm, progress) }
    var done = answers.values.reduce(0) { $0 + $1.count }
    if done > 0 { onResume(done) }
    for arm in options.arms {
      var list = answers[arm] ?? []
      while list.count < questions.samples.count {
        guard !shouldStop() else {
          throw CarinaError(
            .interrupted, "stopped after \(done) of \(counts.answers) answers", at: options.outputDirectory,
            remedy: "Give the same command again to go on.")
        }
        let batch = list.count..<min(list.count + options.batchSize, questions.samples.count)
        let fresh = try answer(batch, arm)
        for watch in watches { try watch.require() }
        try progress.append(fresh, to: arm)
        list += fresh
        done += fresh.count
        onAnswers(done)
      }
      answers[arm] = list
    }
    let outcome = EvaluatorOutcome(
      answers: answers.mapValues { $0.map(\.scored) }, report: score(answers), configuration: configuration,
      remarks: remarks(answers))
    try outcome.write(to: options.outputDirectory, device: model.answering.device)
    return outcome
  }

  /// Removes what was kept for going on; to be called when everything made from the outcome is written.
  /// - Throws: `CarinaError.cannotWrite`.
  public func removeProgress() throws {
    try progress?.remove()
    progress = nil
  }

  /// Everything that decides the answers.
  private var configuration: JSONValue {
    [
      "data": [
        "shards": .array(shards.manifest.shards.map { .string($0.sha256) }), "transform": .string(transform.id),
      ],
      "model": .object(JSONObject((model.identity + model.roundingIdentity).map { ($0.name, .string($0.value)) })),
      "matrix_product": .string(backend.productName), "options": options.json,
    ]
  }

  private func resumed(_ arm: EvaluatorArm, _ progress: EvaluatorProgress) throws -> [EvaluatorAnswer] {
    let answers = try progress.answers(of: arm)
    for (answer, sample) in zip(answers, questions.samples) where !answer.scored.id.isExactly(sample.id) {
      throw CarinaError(
        .badData, "the unfinished evaluation does not follow the samples", at: options.outputDirectory,
        expected: sample.id, found: answer.scored.id, remedy: "Remove its evaluation.partial and start afresh.")
    }
    return answers
  }

  /// The answers to a range of questions in one arm.
  private func answer(_ batch: Range<Int>, _ arm: EvaluatorArm) throws -> [EvaluatorAnswer] {
    var positions: [Int: Int] = [:], rows: [Int] = []
    let images = batch.map { index in
      let own = questions.samples[index].imageRows
      let shown =
        switch arm {
        case .trueImage: own
        case .shuffled: partners?.partner[own] ?? own
        case .blank: own.map { _ in -1 }
        }
      return shown.map { row in
        if let position = positions[row] { return position }
        positions[row] = rows.count
        rows.append(row)
        return rows.count - 1
      }
    }
    let imageRows = try imageRows(rows, arm)
    let made = try generator.generate(
      sequences(batch, images, questions.prompts), imageRows: imageRows
    ).answers
    let likelihoods = options.withLikelihood ? try likelihoods(batch, images, imageRows) : nil
    return batch.enumerated().map { offset, index in
      let text = model.renderer.tokenizer.decode(made[offset].tokens, skipSpecialTokens: true)
      return EvaluatorAnswer(
        scored: questions.scored(index, prediction: text, likelihood: likelihoods?[offset]),
        isCut: !made[offset].reachedEnd)
    }
  }

  /// Projected rows of images; no image at all in the blank arm.
  private func imageRows(_ rows: [Int], _ arm: EvaluatorArm) throws -> Tensor {
    let input = arm == .blank ? .pixels(blankPixels) : try features.prepare(rows)
    return model.answering.model.projector.rows(ofPooled: try features.rows(input, tape: nil), tape: nil)
  }

  private func sequences(_ batch: Range<Int>, _ images: [[Int]], _ prompts: [RenderedPrompt]) -> [ImageTextSequence] {
    zip(batch, images).map { index, images in ImageTextSequence(prompts[index], images: images) }
  }

  /// The negative log-likelihood of each reference, over all its supervised tokens.
  private func likelihoods(_ batch: Range<Int>, _ images: [[Int]], _ imageRows: Tensor) throws -> [(
    nll: Double, tokens: Int
  )] {
    let sequences = sequences(batch, images, questions.references)
    let losses = model.answering.model.loss(sequences, imageRows: imageRows, scale: 1, tape: nil).tokenLosses
    try backend.throwFailure()
    var start = 0
    return sequences.map { sequence in
      defer { start += sequence.supervisedCount }
      let own = losses[start..<start + sequence.supervisedCount]
      return (own.reduce(0) { $0 + Double($1) }, own.count)
    }
  }

  private var backend: any Backend { model.answering.model.backend }

  private var blankPixels: Tensor { Tensor(zeros: [1, 3 * transform.size * transform.size], on: backend) }

  private func score(_ answers: [EvaluatorArm: [EvaluatorAnswer]]) -> MetricReport {
    func evaluate(_ arm: EvaluatorArm) -> MetricReport {
      MetricSuite.standard.evaluate(
        (answers[arm] ?? []).map(\.scored), replicates: options.replicates, seed: options.seed)
    }
    var report = evaluate(.trueImage)
    for arm in options.arms where arm != .trueImage { report.arms[arm.rawValue] = evaluate(arm).metrics }
    let manifest = shards.manifest
    report.facts = Dictionary(
      model.identity + [
        ("data", "\(manifest.sourceName), \(String(manifest.sourceDigest.prefix(16)))"),
        ("transform", transform.id), ("decoding", options.decoding), ("batch-size", "\(options.batchSize)"),
        ("samples", "\(questions.samples.count) of \(shards.sampleCount), \(questions.images.count) images"),
        ("arms", options.arms.map(\.rawValue).joined(separator: ", ")),
      ], uniquingKeysWith: { $1 })
    if !manifest.split.isEmpty { report.facts["split"] = manifest.split }
    for arm in options.arms {
      let cut = (answers[arm] ?? []).count { $0.isCut }
      if cut > 0 { report.facts["cut-answers-\(arm.rawValue)"] = "\(cut)" }
    }
    return report
  }

  /// What a reader of the scores should know.
  private func remarks(_ answers: [EvaluatorArm: [EvaluatorAnswer]]) -> [String] {
    var remarks: [String] = []
    for arm in options.arms {
      let cut = (answers[arm] ?? []).count { $0.isCut }
      guard cut > 0 else { continue }
      remarks.append(
        "\(cut) of \(questions.samples.count) answers to the \(arm.rawValue) image were cut at "
          + "\(options.generation.maximumNewTokens) tokens; \(setting: GenerationOptions.name(\.maximumNewTokens)) sets the limit."
      )
    }
    let references = questions.references.count { $0.answerTruncated }
    if references > 0 {
      remarks.append(
        "The likelihood of \(references) references covers only their first \(model.renderer.maximumAnswerTokens) tokens; "
          + "\(setting: PromptSettings.name(\.maximumAnswerTokens)) sets the limit.")
    }
    if let partners, partners.samePatientCount > 0 {
      let what = questions.samples.contains { $0.imageRows.count > 1 } ? "images or lists of images" : "images"
      remarks.append(
        "\(partners.samePatientCount) \(what) were shuffled within one patient, who has more than half of all \(what).")
    }
    return remarks
  }
}
