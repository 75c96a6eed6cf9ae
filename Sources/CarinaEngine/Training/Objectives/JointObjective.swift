import CarinaModel
import CarinaRuntime
import CarinaTensor
import CarinaText

/// Stages 1 and 2: the language-model loss of answers given images and question.
package final class JointObjective: TrainingObjective {
  /// The joined model.
  package let model: VisionLanguageModel
  private let samples: any TrainingSamples
  private let renderer: PromptRenderer
  private let policy: FreezingPolicy
  private let isCheckpointed: Bool
  private let features: VisionFeatures
  private let adapters: TrainedAdapters?
  private let components: [ObjectIdentifier: TrainingComponent]
  private var position = (step: 0, batch: 0)
  /// Learning rates of components that have one of their own.
  package var rates = ComponentRates()
  /// The part of each target that is spread over all tokens in training; what is held out is judged without.
  package var labelSmoothing = 0.0
  /// How long each sample is, for batches of like lengths.
  package var sampleLengths: [Int]?

  /// - Parameters:
  ///   - renderer: makes ids and the loss mask from question and answer.
  ///   - policy: what is trained.
  ///   - isCheckpointed: blocks run again in the backward pass instead of keeping their activations.
  ///   - features: where the features of the samples' images are kept; only with a policy that never trains the vision
  ///     encoder.
  ///   - adapters: those beside the model's maps that are trained.
  package init(
    model: VisionLanguageModel, samples: any TrainingSamples, renderer: PromptRenderer, policy: FreezingPolicy,
    isCheckpointed: Bool = false, features: CachedVisionFeatures? = nil, adapters: TrainedAdapters? = nil
  ) {
    precondition(features == nil || !policy.trainsVisionInFirstEpoch, "features of a trained encoder cannot be kept")
    self.features = VisionFeatures(model, samples: samples, kept: features)
    self.model = model
    self.samples = samples
    self.renderer = renderer
    self.policy = policy
    self.isCheckpointed = isCheckpointed
    self.adapters = adapters
    components = TrainingComponent.byParameter(model, adapters)
  }

  /// The model's.
  package var backend: any Backend { model.backend }
  /// One a question or caption.
  package var sampleCount: Int { samples.count }
  /// All three parts', and the adapters'.
  package var parameters: [Parameter] {
    model.vision.parameters + model.projector.parameters + model.decoder.parameters + (adapters?.parameters ?? [])
  }

  /// What the policy names; of the vision encoder only what the features depend on.
  package func trainedParameters(epoch: Int) -> [Parameter] {
    (policy.trainsVisionInFirstEpoch && epoch == 0
      ? model.vision.trainedParameters(for: model.feature) : [])
      + (policy.trainsProjector ? model.projector.parameters : [])
      + policy.trainedParameters(of: model.decoder) + (adapters?.parameters ?? [])
  }

  /// The adapters', and those of `rates`.
  package func ownRate(of parameter: Parameter) -> Double? {
    switch component(of: parameter) {
    case .adapters: adapters?.rate(of: parameter)
    case .projector: rates.projector
    case .visionEncoder: rates.vision
    case .languageModel, nil: nil
    }
  }

  /// Its part of the model, or the adapters.
  package func component(of parameter: Parameter) -> TrainingComponent? { components[ObjectIdentifier(parameter)] }

  /// What adapters drop depends on the step.
  package func begin(step: Int) { position = (step, 0) }

  /// Supervised tokens.
  package func weight(of batch: JointBatch) -> Int { batch.sequences.reduce(0) { $0 + $1.supervisedCount } }

  /// The sample's id.
  package func sampleName(_ sample: Int) -> String { samples.name(of: sample) }

  /// Renders the texts and reads each image, or what is kept of it, once.
  package func prepare(_ rows: [Int]) throws -> JointBatch { try batch(rows, epoch: nil) }

  /// The same with images as training sees them in an epoch.
  package func prepare(_ rows: [Int], epoch: Int) throws -> JointBatch { try batch(rows, epoch: epoch) }

  private func batch(_ rows: [Int], epoch: Int?) throws -> JointBatch {
    var order: [Int] = [], positions: [Int: Int] = [:]
    let sequences = try rows.map { row -> ImageTextSequence in
      let images = samples.images(of: row).map { image in
        let position = positions[image] ?? order.count
        if positions[image] == nil {
          positions[image] = position
          order.append(image)
        }
        return position
      }
      let (question, answer) = try samples.text(row)
      let prompt = try renderer.training(question: question, answer: answer, images: images.count)
      try prompt.requireIDs(below: model.decoder.config.vocabularySize)
      return ImageTextSequence(prompt, images: images)
    }
    return JointBatch(sequences: sequences, images: try features.prepare(order, epoch: epoch), imageCount: order.count)
  }

  /// See `TrainingObjective`.
  package func accumulate(_ batch: JointBatch, scale: Float, finiteWatch: FiniteWatch?) throws -> LossSum {
    guard let adapters else { return try pass(batch, scale: scale, finiteWatch: finiteWatch) }
    defer { position.batch += 1 }
    return try adapters.dropout.training(step: position.step, batch: position.batch) {
      try pass(batch, scale: scale, finiteWatch: finiteWatch)
    }
  }

  private func pass(_ batch: JointBatch, scale: Float, finiteWatch: FiniteWatch?) throws -> LossSum {
    let tape = Tape(finiteWatch: finiteWatch)
    // A frozen encoder costs a forward pass and nothing else.
    let trainsVision = adapters?.plan.touches(.visionEncoder) == true
    let visionTape = trainsVision || model.vision.parameters.contains(where: \.isTrainable) ? tape : nil
    let features = try features.rows(batch.images, isCheckpointed: isCheckpointed, tape: visionTape)
    let result = model.loss(
      batch.sequences, imageRows: model.projector.rows(ofPooled: features, tape: tape), scale: scale,
      labelSmoothing: labelSmoothing, isCheckpointed: isCheckpointed, tape: tape)
    tape.backward(from: result)
    return LossSum(of: result.losses)
  }
}

extension JointObjective {
  /// The sum of a batch's losses without training on it.
  package func evaluate(_ batch: JointBatch) throws -> Double {
    let features = try features.rows(batch.images, isCheckpointed: isCheckpointed, tape: nil)
    let result = model.loss(
      batch.sequences, imageRows: model.projector.rows(ofPooled: features, tape: nil), scale: 1, tape: nil)
    return result.tokenLosses.reduce(0) { $0 + Double($1) }
  }
}
