/// The per-answer numbers of all families side by side: one row an answer, and for each family first whether the answer
/// counts (1 or 0), then its numbers.
struct StatisticsTable {
  let families: [any MetricFamily]
  /// Where each family's columns begin.
  let starts: [Int]
  let width: Int
  private(set) var values: [Double]

  init(_ answers: [ScoredAnswer], _ families: [any MetricFamily], _ cache: TokenCache) {
    self.families = families
    var starts: [Int] = []
    var width = 0
    for family in families {
      starts.append(width)
      width += 1 + family.width
    }
    self.starts = starts
    self.width = width
    values = [Double](repeating: 0, count: answers.count * width)
    for (row, answer) in answers.enumerated() {
      for (family, start) in zip(families, starts) {
        guard let numbers = family.statistics(of: answer, using: cache) else { continue }
        let base = row * width + start
        values[base] = 1
        for (k, number) in numbers.enumerated() { values[base + 1 + k] = number }
      }
    }
  }

  /// Every metric's value and count, given a sum of rows; families that concern no row are left out.
  func metrics(of sums: [Double]) -> [(name: String, value: Double, n: Int)] {
    var result: [(name: String, value: Double, n: Int)] = []
    for (family, start) in zip(families, starts) {
      let count = Int(sums[start])
      guard count > 0 else { continue }
      let values = family.values(of: Array(sums[(start + 1)..<(start + 1 + family.width)]), count: count)
      for (name, value) in zip(family.names, values) { result.append((name, value, count)) }
    }
    return result
  }
}
