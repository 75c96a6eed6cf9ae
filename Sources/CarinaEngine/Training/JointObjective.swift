import CarinaModel
import CarinaRuntime
import CarinaTensor
import CarinaText

/// Sequences of one micro-batch and the images they refer to.
package struct JointBatch {
  /// What there is of the images.
  package enum Images {
    /// [images, channels · size · size], normalised.
    case pixels(Tensor)
    /// Kept features, and the pixels of images that have none yet.
    case fetched([CachedVisionFeatures.Fetched])
  }

  /// The sequences; image indices count the images.
  package let sequences: [ImageTextSequence]
  /// The images.
  public let images: Images
  /// Distinct images.
  package let imageCount: Int

  /// Collects a batch.
  package init(sequences: [ImageTextSequence], images: Images, imageCount: Int) {
    self.sequences = sequences
    self.images = images
    self.imageCount = imageCount
  }
}

/// Stages 1 and 2: the language-model loss of answers given image and question.
package final class JointObjective: TrainingObjective {
  /// The joined model.
  public let model: VisionLanguageModel
  private let samples: any TrainingSamples
  private let renderer: PromptRenderer
  private let policy: FreezingPolicy
  private let isCheckpointed: Bool
  private let features: CachedVisionFeatures?

  /// - Parameters:
  ///   - renderer: makes ids and the loss mask from question and answer.
  ///   - policy: what is trained.
  ///   - isCheckpointed: blocks run again in the backward pass instead of keeping their activations.
  ///   - features: where the features of the samples' images are kept; only with a policy that never trains the vision encoder.
  package init(
    model: VisionLanguageModel, samples: any TrainingSamples, renderer: PromptRenderer, policy: FreezingPolicy,
    isCheckpointed: Bool = false, features: CachedVisionFeatures? = nil
  ) {
    precondition(features == nil || !policy.trainsVisionInFirstEpoch, "features of a trained encoder cannot be kept")
    self.features = features
    self.model = model
    self.samples = samples
    self.renderer = renderer
    self.policy = policy
    self.isCheckpointed = isCheckpointed
  }

  /// One a question or caption.
  package var sampleCount: Int { samples.count }
  /// All three parts'.
  public var parameters: [Parameter] {
    model.vision.parameters + model.projector.parameters + model.decoder.parameters
  }

  /// What the policy names; of the vision encoder only what the features depend on.
  package func trainedParameters(epoch: Int) -> [Parameter] {
    (policy.trainsVisionInFirstEpoch && epoch == 0
      ? model.vision.trainedParameters(for: model.feature) : [])
      + (policy.trainsProjector ? model.projector.parameters : [])
      + (policy.trainsDecoder ? model.decoder.parameters : [])
  }

  /// Supervised tokens.
  package func weight(of batch: JointBatch) -> Int { batch.sequences.reduce(0) { $0 + $1.supervisedCount } }

  /// Renders the texts and reads each image, or what is kept of it, once.
  package func prepare(_ rows: [Int]) throws -> JointBatch { try batch(rows, epoch: nil) }

  /// The same with images as training sees them in an epoch.
  package func prepare(_ rows: [Int], epoch: Int) throws -> JointBatch { try batch(rows, epoch: epoch) }

  private func batch(_ rows: [Int], epoch: Int?) throws -> JointBatch {
    var order: [Int] = [], indices: [Int: Int] = [:]
    let sequences = try rows.map { row -> ImageTextSequence in
      let image = samples.image(of: row)
      let index = indices[image] ?? order.count
      if indices[image] == nil {
        indices[image] = index
        order.append(image)
      }
      let (question, answer) = try samples.text(row)
      let prompt = try renderer.training(question: question, answer: answer)
      try prompt.requireIDs(below: model.decoder.config.vocabularySize)
      return ImageTextSequence(prompt, image: index)
    }
    let images: JointBatch.Images =
      try features.map { .fetched(try $0.fetch(order)) }
      ?? .pixels(try PixelBatch.read(order, from: samples, epoch: epoch))
    return JointBatch(sequences: sequences, images: images, imageCount: order.count)
  }

  /// See `TrainingObjective`.
  package func accumulate(_ batch: JointBatch, scale: Float) throws -> Double {
    let tape = Tape()
    // A frozen encoder costs a forward pass and nothing else.
    let visionTape = model.vision.parameters.contains(where: \.isTrainable) ? tape : nil
    let features = try features(batch, tape: visionTape)
    let result = model.loss(
      batch.sequences, imageRows: model.projector(features, tape: tape), scale: scale, isCheckpointed: isCheckpointed,
      tape: tape)
    tape.backward(from: result.loss)
    return result.tokenLosses.reduce(0) { $0 + Double($1) }
  }
}

extension ImageTextSequence {
  /// A rendered prompt with its image.
  public init(_ prompt: RenderedPrompt, image: Int?) {
    self.init(
      tokensBefore: prompt.tokensBeforeImage, image: image, tokensAfter: prompt.tokensAfterImage,
      supervised: prompt.supervised)
  }
}

extension JointObjective {
  /// What the projector reads of a batch's images.
  private func features(_ batch: JointBatch, tape: Tape?) throws -> Tensor {
    switch batch.images {
    case .pixels(let pixels):
      return model.features(pixels, count: batch.imageCount, isCheckpointed: isCheckpointed, tape: tape)
    case .fetched(let fetched):
      guard let features else { throw CarinaError(.internalFailure, "a batch of kept features without their file") }
      return try features.features(fetched)
    }
  }

  /// The sum of a batch's losses without training on it.
  public func evaluate(_ batch: JointBatch) throws -> Double {
    let features = try features(batch, tape: nil)
    let result = model.loss(
      batch.sequences, imageRows: model.projector(features, tape: nil), scale: 1, tape: nil)
    return result.tokenLosses.reduce(0) { $0 + Double($1) }
  }
}
