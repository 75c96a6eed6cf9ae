import CarinaRuntime
import Foundation

/// The loss of one stage of training over its optimizer steps.
///
/// ```swift
/// let curve = try LossCurve.read("stage1/train_log.jsonl", name: "stage 1")
/// ```
public struct LossCurve: Equatable, Sendable {
  /// The stage's name.
  public var name: String
  /// Optimizer steps, rising.
  public var steps: [Double]
  /// Mean loss per supervised token at each step.
  public var losses: [Double]
  /// Steps at which the validation loss was measured.
  package var validationSteps: [Double]
  /// The validation losses.
  package var validationLosses: [Double]

  package init(
    name: String, steps: [Double], losses: [Double], validationSteps: [Double] = [], validationLosses: [Double] = []
  ) {
    precondition(steps.count == losses.count && validationSteps.count == validationLosses.count)
    self.name = name
    self.steps = steps
    self.losses = losses
    self.validationSteps = validationSteps
    self.validationLosses = validationLosses
  }

  /// Reads a `train_log.jsonl`: `step` and `loss` of every line that has a `loss`, `validation_loss` where there is
  /// one.
  /// - Throws: `CarinaError.missingInput` when the file cannot be read, `.badData` naming the line that is no such
  ///   object, or when no line has a loss.
  public static func read(_ path: String, name: String) throws -> LossCurve {
    let data = try TextFile.bytes(path, expected: "a training log")
    var curve = LossCurve(name: name, steps: [], losses: [])
    for (index, line) in data.split(separator: 10, omittingEmptySubsequences: false).enumerated()
    where line.contains(where: { !($0 == 0x20 || (0x09...0x0d).contains($0)) }) {
      let location = "\(path), line \(index + 1)"
      let entry = try JSONValue.parse(Data(line), source: location)
      guard let step = entry["step"]?.double else {
        throw CarinaError(.badData, "a line of the training log has no \"step\"", at: location, expected: "a number")
      }
      if let loss = entry["loss"]?.double {
        curve.steps.append(step)
        curve.losses.append(loss)
      }
      if let loss = entry["validation_loss"]?.double {
        curve.validationSteps.append(step)
        curve.validationLosses.append(loss)
      }
    }
    guard !curve.steps.isEmpty else {
      throw CarinaError(.badData, "no line of the training log has a \"loss\"", at: path)
    }
    return curve
  }

  /// The losses averaged over a window of a fiftieth of the curve around each step.
  var smoothed: [Double] {
    let reach = max(1, losses.count / 100)
    return losses.indices.map { index in
      let window = losses[max(0, index - reach)...min(losses.count - 1, index + reach)].filter(\.isFinite)
      return window.isEmpty ? .nan : window.reduce(0, +) / Double(window.count)
    }
  }

  /// The curve as a drawing: raw values pale, their running mean and the validation loss strong.
  var plot: LinePlot {
    var series = [
      LinePlot.Series("", x: steps, y: losses, isFaint: true), LinePlot.Series("training", x: steps, y: smoothed),
    ]
    if !validationSteps.isEmpty {
      series.append(LinePlot.Series("validation", x: validationSteps, y: validationLosses, color: 1))
    }
    return LinePlot(xLabel: "optimizer step", yLabel: "loss per token (nats)", series: series)
  }
}
