import CarinaRuntime

/// A set of metrics that are computed together.
///
/// ```swift
/// let answers = [ScoredAnswer(id: "a1", prediction: "yes", references: ["Yes"], answerType: "CLOSED")]
/// let report = MetricSuite.standard.evaluate(answers)
/// report.metrics["closed-accuracy"]?.value  // 1.0
/// ```
public struct MetricSuite: Sendable {
  /// The groups of metrics, in the order in which a table shows them.
  package let families: [any MetricFamily]

  /// Creates a suite; no two families may share a metric name.
  package init(_ families: [any MetricFamily]) {
    let names = families.flatMap(\.names)
    precondition(Set(names).count == names.count, "two metrics of one name")
    self.families = families
  }

  /// Everything that the engine can compute from text and likelihoods.
  public static let standard = MetricSuite(
    ClosedAccuracy.families + ExactMatch.families + [TokenF1.family]
      + [Bleu.Coco(tokenized: true), Rouge.Coco()]
      + [Bleu.Sacre(), Bleu.HuggingFace(), Rouge.Google(stemmed: false), Rouge.Google(stemmed: true)]
      + [Bleu.Coco(tokenized: false)] + LlavaMedScores.families + [Likelihood()])

  /// The metrics' names in table order.
  public var names: [String] { families.flatMap(\.names) }

  /// How each metric is computed.
  private func signatures(for answers: [ScoredAnswer]) -> [String: String] {
    families.reduce(into: [:]) { table, family in
      for name in family.names { table[name] = family.signature(for: answers) }
    }
  }

  /// Computes every metric that concerns at least one of the answers.
  ///
  /// - Parameters:
  ///   - answers: The answers; an answer without references is a programmer's mistake.
  ///   - replicates: How many bootstrap resamples give the intervals; 0 for none.
  ///   - seed: Seed of the resampling; equal seeds give equal intervals, whatever the number of threads.
  /// - Returns: All metrics over all answers and over the answers of each type, with the floors.
  public func evaluate(_ answers: [ScoredAnswer], replicates: Int = 1000, seed: UInt64 = 0) -> MetricReport {
    precondition(answers.allSatisfy { !$0.references.isEmpty }, "an answer without references")
    let cache = TokenCache()
    let table = StatisticsTable(answers, families, cache)
    let units = ResamplingUnits(answers)
    let bootstrap = Bootstrap(replicates: replicates, seed: seed)
    func metrics(_ rows: [Int]) -> [String: MetricValue] {
      bootstrap.metrics(of: table, rows: rows, units: units.ofAnswer)
    }
    let types = Set(answers.compactMap { $0.answerType.map(\.exact) })
    var byType: [ExactText: [String: MetricValue]] = [:]
    for type in types {
      byType[type] = metrics(answers.indices.filter { answers[$0].answerType.map(\.exact) == type })
    }
    let all = metrics(Array(answers.indices))
    return MetricReport(
      n: answers.count, metrics: all, byAnswerType: byType,
      floors: CommonestAnswer.floors(answers, cache),
      signatures: signatures(for: answers).filter { all[$0.key] != nil },
      bootstrap: .init(replicates: replicates, seed: seed, unit: units.kind, units: units.count))
  }
}
