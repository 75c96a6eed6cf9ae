import CarinaRuntime
import Foundation

/// How much the gradient of a step owes to chance: the simple noise scale of McCandlish et al. 2018, "An Empirical Model
/// of Large-Batch Training", appendix A.
///
/// The squared norm of a gradient that is a mean over B samples is expected to be |G|² + tr(Σ) / B. Those of a step's
/// first micro-batch and of the whole step give estimates of both terms without bias, and averages of them over steps
/// their ratio, the batch size in samples from which on larger steps gain little.
package struct GradientNoise: Equatable, Sendable {
  /// What a step says of the gradient of all weights, or of those of a component.
  package struct Part: Equatable, Sendable {
    /// `all`, or what the log calls the component.
    package let component: String
    /// tr(Σ), the variance of a sample's gradient, and |G|², the squared norm of the mean over all samples: estimates of
    /// this step alone, of which either may be negative.
    package let variance: Double, squaredNorm: Double
    /// tr(Σ) / |G|² of averages over the newest hundred steps or so; nil while that of |G|² is not positive.
    package internal(set) var scale: Double?
  }

  /// The norms of a gradient that is a mean over so many samples.
  package struct Mean {
    let norms: GradientNorms, sampleCount: Double, factor: Double

    /// - Parameter factor: by what the norms have to be multiplied.
    package init(norms: GradientNorms, sampleCount: Double, factor: Double = 1) {
      self.norms = norms
      self.sampleCount = sampleCount
      self.factor = factor
    }
  }

  private static let weight = 0.01
  private var averages: [String: (variance: Double, squaredNorm: Double, count: Int)] = [:]

  /// One that has seen nothing.
  package init() {}

  package static func == (left: GradientNoise, right: GradientNoise) -> Bool {
    left.averages.count == right.averages.count
      && left.averages.allSatisfy { name, value in right.averages[name].map { $0 == value } ?? false }
  }

  /// What two means say, of which the one over fewer samples is a part of the other.
  /// - Returns: none where both are over the same samples.
  package static func parts(_ first: Mean, _ whole: Mean) -> [Part] {
    guard first.sampleCount > 0, first.sampleCount < whole.sampleCount else { return [] }
    func part(_ name: String, _ small: Double, _ large: Double) -> Part {
      let (few, many) = (first.sampleCount, whole.sampleCount)
      let ofFew = pow(first.factor * small, 2), ofMany = pow(whole.factor * large, 2)
      return Part(
        component: name, variance: (ofFew - ofMany) / (1 / few - 1 / many),
        squaredNorm: (many * ofMany - few * ofFew) / (many - few))
    }
    let components = whole.norms.parts.compactMap { large in
      first.norms.parts.first { $0.component == large.component }.map { part(large.component, $0.norm, large.norm) }
    }
    return [part("all", first.norms.whole, whole.norms.whole)] + components
  }

  /// Takes note of a step.
  /// - Returns: its parts with the ratio of the averages.
  package mutating func note(_ parts: [Part]) -> [Part] {
    parts.map { part in
      var average = averages[part.component] ?? (0, 0, 0)
      average.count = min(average.count + 1, Int(1 / Self.weight))
      let weight = 1 / Double(average.count)
      average.variance += weight * (part.variance - average.variance)
      average.squaredNorm += weight * (part.squaredNorm - average.squaredNorm)
      averages[part.component] = average
      var noted = part
      noted.scale = average.squaredNorm > 0 ? average.variance / average.squaredNorm : nil
      return noted
    }
  }
}

extension GradientNoise.Part {
  /// Its entry in a line of the log.
  var json: JSONValue {
    var object = JSONObject([("variance", .number(variance)), ("squared_norm", .number(squaredNorm))])
    object["scale"] = scale.map(JSONValue.number)
    return .object(object)
  }

  /// - Returns: nil where an entry of the log is none.
  init?(_ component: String, _ json: JSONValue) {
    guard let variance = json["variance"]?.double, let squaredNorm = json["squared_norm"]?.double else { return nil }
    self.init(
      component: component, variance: variance, squaredNorm: squaredNorm, scale: json["scale"]?.double)
  }
}

extension GradientNoise {
  /// What the steps of a log leave behind, so that a resumed run goes on with the same averages.
  /// - Parameter lineCount: how many of its lines belong to the steps done.
  /// - Throws: `CarinaError.missingInput`, `.badData` for a line that is no JSON.
  init(log path: String, lineCount: Int) throws {
    self.init()
    let lines = try LineReader(path)
    while lines.number < lineCount, let line = try lines.next() {
      let entry = try JSONValue.parse(line, source: "\(path), line \(lines.number)")
      _ = note((entry["gradient_noise"]?.object ?? JSONObject()).compactMap { Part($0.key, $0.value) })
    }
  }
}
