import CarinaTensor

/// What a stage trains, and on what: the part of a stage that the trainer does not know.
package protocol TrainingObjective: AnyObject, SendableMetatype {
  /// Samples read, decoded and tokenised, ready for the model.
  associatedtype Batch

  /// What computes with the weights.
  var backend: any Backend { get }
  /// Samples of an epoch.
  var sampleCount: Int { get }
  /// Every weight of the models involved, trained or not.
  var parameters: [Parameter] { get }
  /// The weights trained in an epoch; what leaves the list stays as it is from then on.
  func trainedParameters(epoch: Int) -> [Parameter]
  /// The learning rate at its peak of a weight that has one of its own; nil for the run's.
  func ownRate(of parameter: Parameter) -> Double?
  /// The part of the run that a weight belongs to; nil where a stage has no parts.
  func component(of parameter: Parameter) -> TrainingComponent?
  /// How long each sample is, for batches of like lengths; nil where nobody knows.
  var sampleLengths: [Int]? { get }
  /// Told before the batches of an optimizer step, counted from 0.
  func begin(step: Int)
  /// Reads samples. Runs beside the previous step on another thread, so it must touch neither the model nor the team of
  /// threads.
  func prepare(_ samples: [Int]) throws -> Batch
  /// The same for training in an epoch (from 0), which may change the images as `prepare` alone never does.
  func prepare(_ samples: [Int], epoch: Int) throws -> Batch
  /// How much a batch weighs in the mean of an optimizer step: its supervised tokens, or its images.
  func weight(of batch: Batch) -> Int
  /// Forward and backward: adds the gradient of scale · (sum of the batch's losses) to the parameters.
  /// - Parameter finiteWatch: told every value on the way; nil where nobody looks.
  /// - Returns: the sum of losses, unscaled, which need not be known before it is read.
  func accumulate(_ batch: Batch, scale: Float, finiteWatch: FiniteWatch?) throws -> LossSum
  /// The same for a batch that goes through the model in pieces.
  /// - Parameter betweenPieces: called before each piece; what it throws ends the pass, which leaves gradients of a part.
  func accumulate(
    _ batch: Batch, scale: Float, finiteWatch: FiniteWatch?, betweenPieces: () throws -> Void
  ) throws -> LossSum
  /// What a sample is called in messages.
  func sampleName(_ sample: Int) -> String
}

extension TrainingObjective {
  /// None has one.
  package func ownRate(of parameter: Parameter) -> Double? { nil }
  /// There are no parts.
  package func component(of parameter: Parameter) -> TrainingComponent? { nil }
  /// Nobody knows.
  package var sampleLengths: [Int]? { nil }
  /// Nothing depends on it.
  package func begin(step: Int) {}
  /// As without an epoch.
  package func prepare(_ samples: [Int], epoch: Int) throws -> Batch { try prepare(samples) }

  /// A batch is one piece.
  package func accumulate(
    _ batch: Batch, scale: Float, finiteWatch: FiniteWatch?, betweenPieces: () throws -> Void
  ) throws -> LossSum { try accumulate(batch, scale: scale, finiteWatch: finiteWatch) }

  /// Without a look at every value.
  package func accumulate(_ batch: Batch, scale: Float) throws -> LossSum {
    try accumulate(batch, scale: scale, finiteWatch: nil)
  }

  /// Its number.
  package func sampleName(_ sample: Int) -> String { "\(sample)" }
}
