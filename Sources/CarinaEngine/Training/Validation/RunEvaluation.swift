import Foundation

/// The validation of a run with records of its own: when, and what it does.
package struct RunEvaluation {
  /// When.
  package let interval: EvaluationInterval
  /// Validates after a step of an epoch (from 0); nil where it was asked to stop.
  package let evaluate: (_ step: Int, _ epoch: Int, _ shouldStop: () -> Bool) throws -> ValidationReport?
  /// The images of a held-out sample, each a PNG file.
  package let pictures: (_ sample: Int) throws -> [Data]

  /// Collects what a run needs.
  package init(
    every interval: EvaluationInterval,
    pictures: @escaping (_ sample: Int) throws -> [Data] = { _ in [] },
    evaluate: @escaping (_ step: Int, _ epoch: Int, _ shouldStop: () -> Bool) throws -> ValidationReport?
  ) {
    self.interval = interval
    self.evaluate = evaluate
    self.pictures = pictures
  }
}
