import CarinaRuntime

/// Percentile bootstrap intervals (Efron 1979): units are drawn with replacement, as many as there are, and the metrics
/// are computed anew from the sums of their answers' numbers.
///
/// ```swift
/// let units = ResamplingUnits(answers)
/// let table = StatisticsTable(answers, MetricSuite.standard.families, TokenCache())
/// let metrics = Bootstrap(replicates: 1_000, seed: 0).metrics(
///   of: table, rows: Array(answers.indices), units: units.ofAnswer)
/// ```
package struct Bootstrap {
  /// The setting for the number of resamples.
  package static let replicates = Setting(
    "bootstrap", 1000, .within(0...1_000_000, of: "resamples"),
    help: "How many resamples give the 95% intervals; 0 for none.", record: .never)

  let replicates: Int
  let seed: UInt64

  /// The metrics over the given rows with their 95% intervals.
  ///
  /// Each replicate has its own random stream, so the result does not depend on who computes which. A replicate in
  /// which a metric concerns no answer says nothing about that metric and is left out for it.
  func metrics(of table: StatisticsTable, rows: [Int], units: [Int]) -> [String: MetricValue] {
    let width = table.width
    let groups = sums(of: table, rows: rows, units: units)
    let groupCount = groups.count / max(1, width)
    var total = [Double](repeating: 0, count: width)
    for row in rows {
      for k in 0..<width { total[k] += table.values[row * width + k] }
    }
    var draws = [[(name: String, value: Double, n: Int)]](repeating: [], count: groupCount > 0 ? replicates : 0)
    draws.withUnsafeMutableBufferPointer { buffer in
      let results = SendableBuffer(pointer: buffer)
      ThreadTeam.run(taskCount: results.pointer.count) { replicate in
        var generator = SeededGenerator(seed: seed, stream: "bootstrap \(replicate)")
        var resample = [Double](repeating: 0, count: width)
        groups.withUnsafeBufferPointer { groups in
          resample.withUnsafeMutableBufferPointer { resample in
            for _ in 0..<groupCount {
              let base = generator.integer(below: groupCount) * width
              for k in 0..<width { resample[k] += groups[base + k] }
            }
          }
        }
        results.pointer[replicate] = table.metrics(of: resample)
      }
    }
    var samples: [String: [Double]] = [:]
    for draw in draws {
      for metric in draw { samples[metric.name, default: []].append(metric.value) }
    }
    return table.metrics(of: total).reduce(into: [:]) { result, metric in
      let sorted = (samples[metric.name] ?? []).sorted()
      result[metric.name] = MetricValue(
        value: metric.value, low: Self.quantile(0.025, of: sorted), high: Self.quantile(0.975, of: sorted), n: metric.n)
    }
  }

  /// The rows' numbers summed by unit, one unit after the other; units without a row are left out.
  private func sums(of table: StatisticsTable, rows: [Int], units: [Int]) -> [Double] {
    var groupOfUnit: [Int: Int] = [:]
    var sums: [Double] = []
    for row in rows {
      let group = groupOfUnit[units[row]] ?? groupOfUnit.count
      if group == groupOfUnit.count {
        groupOfUnit[units[row]] = group
        sums.append(contentsOf: repeatElement(0, count: table.width))
      }
      for k in 0..<table.width { sums[group * table.width + k] += table.values[row * table.width + k] }
    }
    return sums
  }

  /// The quantile with linear interpolation between neighbours (Hyndman and Fan's type 7, NumPy's default).
  static func quantile(_ fraction: Double, of sorted: [Double]) -> Double? {
    guard let last = sorted.last else { return nil }
    let position = fraction * Double(sorted.count - 1)
    let index = Int(position)
    guard index + 1 < sorted.count else { return last }
    return sorted[index] + (position - Double(index)) * (sorted[index + 1] - sorted[index])
  }
}

/// Lets tasks share a buffer: unchecked, because each writes only the element of its own number.
private struct SendableBuffer<Element>: @unchecked Sendable {
  let pointer: UnsafeMutableBufferPointer<Element>
}
