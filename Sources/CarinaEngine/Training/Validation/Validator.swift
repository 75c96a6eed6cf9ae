import CarinaData
import CarinaMetrics
import CarinaModel
import CarinaRuntime
import CarinaTensor
import CarinaText
import Foundation

/// Validates a model that is being trained, on held-out samples: losses with the true, shuffled and blank images, and
/// answers.
///
/// It records nothing for a backward pass and takes no random number from training, so a run computes the same weights
/// with it and without.
package final class Validator {
  private let model: VisionLanguageModel
  private let samples: ShardSamples
  private let renderer: PromptRenderer
  private let arms: [(arm: EvaluatorArm, objective: JointObjective)]
  private let features: VisionFeatures
  private let batchSize: Int, maximumNewTokens: Int
  /// The samples that are validated on, and those of them whose answers are shown.
  package let rows: [Int], shown: [Int]
  private let closed: Set<Int>
  /// What there is to say beforehand.
  package let remarks: [String]

  /// Chooses the samples.
  /// - Parameters:
  ///   - kept: where the features of the samples' images are kept.
  ///   - policy: what the run trains.
  ///   - batchSize: samples that are computed together.
  ///   - seed: whose images stand in for whose.
  /// - Throws: `CarinaError.usage` where the best metric has no value on these samples.
  package init(
    _ model: VisionLanguageModel, samples: ShardSamples, renderer: PromptRenderer, policy: FreezingPolicy,
    kept: CachedVisionFeatures?, settings: ValidationSettings, batchSize: Int, seed: UInt64
  ) throws {
    self.model = model
    self.samples = samples
    self.renderer = renderer
    self.batchSize = batchSize
    maximumNewTokens = settings.evalMaxNewTokens
    features = VisionFeatures(model, samples: samples, kept: kept)
    let rows = Validator.spread(settings.evalLimit ?? samples.count, over: Array(0..<samples.count))
    self.rows = rows
    shown = Validator.spread(settings.evalSamples, over: rows)
    closed = Set(rows.filter { Validator.scored(samples.shards.sample($0), prediction: "").isClosed })
    let lists = Validator.lists(rows, samples.shards)
    let partners = lists.count > 1 ? try ShuffledImages(lists: lists, seed: seed) : nil
    arms = EvaluatorArm.allCases.filter { $0 != .shuffled || partners != nil }.map { arm in
      (
        arm,
        JointObjective(
          model: model, samples: ArmSamples(base: samples, arm: arm, partners: partners), renderer: renderer,
          policy: policy, features: arm == .blank ? nil : kept)
      )
    }
    remarks =
      partners == nil ? ["all held-out samples show the same images, so there is no loss with shuffled ones"] : []
    let metric = settings.bestMetric
    guard metric != .closedAccuracy || !closed.isEmpty, metric != .imageGap || partners != nil else {
      throw CarinaError(
        .usage,
        "\(setting: ValidationSettings.name(\.bestMetric)) \(metric.rawValue) has no value on the held-out samples",
        at: samples.shards.path,
        expected: metric == .imageGap ? "samples of at least two images" : "samples whose answer_type is CLOSED",
        remedy: "Choose another metric, or other samples.")
    }
  }

  /// At most `count` of some rows, spread evenly.
  package static func spread(_ count: Int, over rows: [Int]) -> [Int] {
    let count = min(count, rows.count)
    return (0..<count).map { rows[$0 * rows.count / count] }
  }

  /// The distinct lists of images in the order of their first sample, each with its patient.
  private static func lists(_ rows: [Int], _ shards: ShardDirectory) -> [(rows: [Int], patient: String)] {
    var seen: Set<[Int]> = []
    return rows.compactMap { row in
      let images = shards.sample(row).imageRows
      guard seen.insert(images).inserted else { return nil }
      return (images, images.lazy.map { shards.image($0).patient }.first { !$0.isEmpty } ?? "")
    }
  }

  private static func scored(_ sample: ShardSample, prediction: String) -> ScoredAnswer {
    ScoredAnswer(
      id: sample.id, question: sample.question, prediction: prediction, references: [sample.answer],
      answerType: sample.answerType)
  }

  /// Validates.
  /// - Parameter shouldStop: asked before each batch.
  /// - Returns: nil where it was asked to stop.
  /// - Throws: `CarinaError.badData` when the model gives no finite logits; what reading images throws.
  package func run(step: Int, epoch: Int, shouldStop: () -> Bool) throws -> ValidationReport? {
    let start = ProcessInfo.processInfo.systemUptime
    var losses: [EvaluatorArm: (sum: Double, tokens: Int)] = [:]
    for (arm, objective) in arms {
      guard let loss = try loss(objective, shouldStop) else { return nil }
      guard loss.sum.isFinite else { throw TrainingDivergence.error(loss.sum, after: step, on: arm) }
      losses[arm] = loss
    }
    guard let answers = try answers(step: step, shouldStop) else { return nil }
    try model.backend.throwFailure()
    func mean(_ arm: EvaluatorArm) -> Double? { losses[arm].map { $0.sum / Double(max($0.tokens, 1)) } }
    let right = answers.count { closed.contains($0.sample) && $0.isRight == true }, isShown = Set(shown)
    return ValidationReport(
      step: step, epoch: epoch, loss: mean(.trueImage) ?? .nan, shuffledLoss: mean(.shuffled),
      blankLoss: mean(.blank) ?? .nan,
      closedAccuracy: closed.isEmpty ? nil : Double(right) / Double(closed.count), closedCount: closed.count,
      sampleCount: rows.count, supervisedTokens: losses[.trueImage]?.tokens ?? 0,
      seconds: ProcessInfo.processInfo.systemUptime - start, answers: answers.filter { isShown.contains($0.sample) })
  }

  private func loss(
    _ objective: JointObjective, _ shouldStop: () -> Bool
  ) throws -> (sum: Double, tokens: Int)? {
    var sum = 0.0, tokens = 0
    for first in stride(from: 0, to: rows.count, by: batchSize) {
      guard !shouldStop() else { return nil }
      let batch = try objective.prepare(Array(rows[first..<min(rows.count, first + batchSize)]))
      sum += try objective.evaluate(batch)
      tokens += objective.weight(of: batch)
    }
    return (sum, tokens)
  }

  /// Greedy answers to the closed questions and to the samples that are shown.
  private func answers(step: Int, _ shouldStop: () -> Bool) throws -> [ValidationAnswer]? {
    let isShown = Set(shown), asked = rows.filter { isShown.contains($0) || closed.contains($0) }
    var options = GenerationOptions(), result: [ValidationAnswer] = []
    options.maximumNewTokens = maximumNewTokens
    // Made anew: what it keeps of the output head is of the weights as they are.
    let generator = Generator(
      model: model, stopTokens: renderer.stopTokens.union(model.decoder.config.endTokens), options: options)
    for first in stride(from: 0, to: asked.count, by: batchSize) {
      guard !shouldStop() else { return nil }
      result += try answer(asked[first..<min(asked.count, first + batchSize)], step: step, generator)
    }
    return result
  }

  private func answer(_ batch: ArraySlice<Int>, step: Int, _ generator: Generator) throws -> [ValidationAnswer] {
    var order: [Int] = [], positions: [Int: Int] = [:]
    let prompts = try batch.map { row -> ImageTextSequence in
      let sample = samples.shards.sample(row)
      for image in sample.imageRows where positions[image] == nil {
        positions[image] = order.count
        order.append(image)
      }
      let prompt = try renderer.generation(question: sample.question, images: sample.imageRows.count)
      try prompt.requireIDs(below: model.decoder.config.vocabularySize)
      return ImageTextSequence(prompt, images: sample.imageRows.compactMap { positions[$0] })
    }
    let imageRows = model.projector.rows(ofPooled: try features.rows(features.prepare(order), tape: nil), tape: nil)
    let made = try generator.answers(prompts, imageRows: imageRows)
    return zip(batch, made).map { row, tokens in
      let sample = samples.shards.sample(row)
      let scored = Validator.scored(
        sample, prediction: renderer.tokenizer.decode(tokens, skipSpecialTokens: true))
      return ValidationAnswer(
        step: step, sample: row, id: sample.id, question: sample.question, reference: sample.answer,
        answer: scored.prediction, answerType: scored.answerType, isRight: scored.isRight)
    }
  }

  /// The images of a sample as they are stored, each a PNG file; none for a sample that is not there, as an answer of
  /// before the held-out shards were changed names it.
  /// - Throws: `CarinaError.badData` for a shard that cannot be read.
  package func pictures(of sample: Int) throws -> [Data] {
    guard (0..<samples.count).contains(sample) else { return [] }
    return try samples.shards.sample(sample).imageRows.map {
      try PNGEncoder.encode(samples.shards.pixels(imageRow: $0))
    }
  }
}
