import CarinaEngine
import CarinaRuntime

/// What the training log of a run says step by step, and the drawings of it.
///
/// ```swift
/// let curves = try RunCurves.read(directory: "runs/stage2", name: "stage 2")
/// for drawing in curves.drawings { print(drawing.caption) }
/// ```
public struct RunCurves: Equatable, Sendable {
  /// A drawing with its name in file names and what stands under it.
  public struct Drawing: Equatable, Sendable {
    /// `loss`, `validation`, `rate`, `gradient`, `noise`, `speed`, `gap`, `accuracy`.
    public let name: String
    /// What it shows.
    public let caption: String
    /// The curves.
    public let plot: LinePlot
  }

  private static let mostPoints = 1500

  /// The run's name.
  public var name: String
  private var steps: [Double] = [], losses: [Double] = [], rates: [Double] = [], norms: [Double] = []
  private var noiseScales: [Double] = []
  private var speeds: [Double] = []
  private var validations: [JSONValue] = []
  /// Steps that were skipped, and those whose loss stood out.
  package private(set) var skipped = 0, spikes = 0

  /// A run that has logged nothing yet.
  package init(name: String) { self.name = name }

  /// Reads the log of a run.
  /// - Throws: `CarinaError.missingInput` when it cannot be read, `.badData` for a line that is no step and no
  ///   validation, or when there is none.
  public static func read(directory: String, name: String) throws -> RunCurves {
    let path = "\(directory)/\(TrainingLog.fileName)", lines = try LineReader(path)
    var curves = RunCurves(name: name)
    while let line = try lines.next() {
      let location = "\(path), line \(lines.number)", entry = try JSONValue.parse(line, source: location)
      guard entry["step"]?.double != nil else {
        throw CarinaError(.badData, "a line of the training log has no \"step\"", at: location, expected: "a number")
      }
      curves.add(entry)
    }
    guard !curves.steps.isEmpty else {
      throw CarinaError(.badData, "the training log has no step", at: path, remedy: "Wait for the run's first step.")
    }
    return curves
  }

  /// Adds a line of a log.
  package mutating func add(_ line: JSONValue) {
    let step = line["step"]?.double ?? .nan
    if line["validation_loss"] != nil { validations.append(line) }
    guard line["kind"] == nil else { return }
    steps.append(step)
    losses.append(line["loss"]?.double ?? .nan)
    rates.append(line["learning_rate"]?.double ?? .nan)
    norms.append(line["grad_norm"]?.double ?? .nan)
    noiseScales.append(line["gradient_noise"]?["all"]?["scale"]?.double ?? .nan)
    let seconds = line["seconds"]?.double ?? 0
    speeds.append(seconds > 0 ? (line["supervised_tokens"]?.double ?? .nan) / seconds : .nan)
    if line["skipped"]?.bool == true { skipped += 1 }
    if line["spike"]?.bool == true { spikes += 1 }
  }

  /// The newest line of a validation.
  package var lastValidation: JSONValue? { validations.last }

  /// The newest training loss, averaged over a fiftieth of the steps.
  package var lastLoss: Double? { smoothed(losses).last.flatMap { $0.isFinite ? $0 : nil } }

  /// The drawings of what there is.
  public var drawings: [Drawing] {
    guard !steps.isEmpty else { return [] }
    var result = [
      Drawing(name: "loss", caption: "Loss per supervised token", plot: plot("nats", trend(losses) + heldOut)),
      Drawing(name: "rate", caption: "Learning rate", plot: plot("", [curve("", rates)])),
      Drawing(
        name: "gradient", caption: "Norm of the gradients before clipping",
        plot: LinePlot(
          xLabel: "optimizer step", yLabel: "", series: trend(norms), isLogarithmic: norms.allSatisfy { !($0 <= 0) })),
      Drawing(name: "speed", caption: "Supervised tokens a second", plot: plot("", trend(speeds))),
    ]
    if !heldOut.isEmpty {
      result.insert(
        Drawing(name: "validation", caption: "Loss on held-out samples", plot: plot("nats", heldOut)), at: 1)
    }
    if noiseScales.contains(where: \.isFinite) {
      result.append(
        Drawing(
          name: "noise", caption: "Noise scale of the gradient, in samples of a step",
          plot: plot("samples", [curve("", noiseScales)])))
    }
    let gaps = points("image_gap"), accuracies = points("closed_accuracy")
    if !gaps.x.isEmpty {
      result.append(
        Drawing(
          name: "gap", caption: "How much the loss rises with the image of another sample",
          plot: plot("nats", [LinePlot.Series("", x: gaps.x, y: gaps.y, color: 2)])))
    }
    if !accuracies.x.isEmpty {
      result.append(
        Drawing(
          name: "accuracy", caption: "Closed questions answered right",
          plot: plot("part", [LinePlot.Series("", x: accuracies.x, y: accuracies.y, color: 1)])))
    }
    return result.filter { $0.plot.hasPoints }
  }

  private func plot(_ yLabel: String, _ series: [LinePlot.Series]) -> LinePlot {
    LinePlot(xLabel: "optimizer step", yLabel: yLabel, series: series)
  }

  private var heldOut: [LinePlot.Series] {
    [
      ("held out", "validation_loss", 1), ("shuffled image", "validation_loss_shuffled", 3),
      ("blank image", "validation_loss_blank", 4),
    ].compactMap { name, key, color in
      let (x, y) = points(key)
      return x.isEmpty ? nil : LinePlot.Series(name, x: x, y: y, color: color)
    }
  }

  private func points(_ key: String) -> (x: [Double], y: [Double]) {
    let found = validations.compactMap { line in line[key]?.double.map { (line["step"]?.double ?? .nan, $0) } }
    return (found.map(\.0), found.map(\.1))
  }

  /// Values pale, and their running mean strong.
  private func trend(_ values: [Double]) -> [LinePlot.Series] {
    let raw = thinned(values)
    return [LinePlot.Series("", x: raw.x, y: raw.y, isFaint: true), curve("training", smoothed(values))]
  }

  private func curve(_ name: String, _ values: [Double]) -> LinePlot.Series {
    let (x, y) = thinned(values)
    return LinePlot.Series(name, x: x, y: y)
  }

  /// So many points as a drawing can show, the last among them.
  private func thinned(_ values: [Double]) -> (x: [Double], y: [Double]) {
    let every = max(1, values.count / Self.mostPoints), last = values.count - 1
    let kept = values.indices.filter { ($0 - last) % every == 0 }
    return (kept.map { steps[$0] }, kept.map { values[$0] })
  }

  /// The values averaged over a window of a fiftieth of the run around each step, in one pass.
  private func smoothed(_ values: [Double]) -> [Double] {
    let reach = max(1, values.count / 100)
    var sums = [0.0], counts = [0]
    for value in values {
      sums.append((sums.last ?? 0) + (value.isFinite ? value : 0))
      counts.append((counts.last ?? 0) + (value.isFinite ? 1 : 0))
    }
    return values.indices.map { index in
      let first = max(0, index - reach), end = min(values.count, index + reach + 1)
      let count = counts[end] - counts[first]
      return count == 0 ? .nan : (sums[end] - sums[first]) / Double(count)
    }
  }
}
