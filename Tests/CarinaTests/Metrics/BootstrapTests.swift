import Carina
import Testing

@Suite struct BootstrapTests {
  /// Answers right with probability 0.7, `perPatient` of them about each patient, alike within a patient.
  private func answers(_ patients: Int, perPatient: Int, seed: UInt64 = 3) -> [ScoredAnswer] {
    var generator = SeededGenerator(seed: seed, stream: "bootstrap test")
    return (0..<patients).flatMap { patient in
      let isRight = generator.uniform() < 0.7
      return (0..<perPatient).map {
        ScoredAnswer(
          id: "\(patient)-\($0)", image: "image \(patient)-\($0)", patient: "patient \(patient)",
          prediction: isRight ? "yes" : "no", references: ["yes"], answerType: "CLOSED")
      }
    }
  }

  @Test("the interval of a share is as wide as its standard error says")
  func width() throws {
    let report = MetricSuite.standard.evaluate(answers(400, perPatient: 1), replicates: 2000)
    let metric = try #require(report.metrics["closed-accuracy"])
    let (low, high) = (try #require(metric.low), try #require(metric.high))
    let expected = 2 * 1.96 * (metric.value * (1 - metric.value) / 400).squareRoot()
    #expect(abs((high - low) / expected - 1) < 0.1)
    #expect(low < metric.value && metric.value < high)
  }

  @Test("answers about one patient are drawn together, so ten alike are worth one")
  func clusters() throws {
    let clustered = answers(100, perPatient: 10)
    var apart = clustered
    for index in apart.indices { apart[index].patient = nil }
    let together = MetricSuite.standard.evaluate(clustered)
    let alone = MetricSuite.standard.evaluate(apart)
    #expect(together.bootstrap.unit == "patient" && together.bootstrap.units == 100)
    #expect(alone.bootstrap.unit == "image" && alone.bootstrap.units == 1000)
    func width(_ report: MetricReport) throws -> Double {
      let metric = try #require(report.metrics["exact-match"])
      return try #require(metric.high) - (try #require(metric.low))
    }
    let ratio = try width(together) / (try width(alone))
    #expect(abs(ratio / 10.0.squareRoot() - 1) < 0.2)
  }

  @Test("equal seeds give equal intervals whatever the number of threads, other seeds others")
  func determinism() throws {
    let threads = ThreadTeam.count
    defer { ThreadTeam.count = threads }
    let some = try EvaluationGoldens.answers()
    ThreadTeam.count = 1
    let one = MetricSuite.standard.evaluate(some, replicates: 200, seed: 9)
    ThreadTeam.count = 3
    let three = MetricSuite.standard.evaluate(some, replicates: 200, seed: 9)
    #expect(one == three)
    #expect(one.metrics != MetricSuite.standard.evaluate(some, replicates: 200, seed: 10).metrics)
  }

  @Test("a corpus metric on a resample is that metric on the resampled texts")
  func corpusMetric() throws {
    // Two patients: a resample has only four outcomes, which can be scored from their texts.
    let both = try [7, 9].map { index in
      var answer = try EvaluationGoldens.answers()[index]
      answer.patient = "patient \(index)"
      return answer
    }
    let suite = MetricSuite.standard
    let outcomes = [[0, 0], [0, 1], [1, 1]].map { suite.evaluate($0.map { both[$0] }, replicates: 0).metrics }
    let report = suite.evaluate(both, replicates: 1000)
    for name in ["bleu-coco-2", "sacrebleu", "hf-bleu", "rougeL-google"] {
      let values = try outcomes.map { try #require($0[name]?.value) }
      #expect(report.metrics[name]?.low == values.min(), "\(name)")
      #expect(report.metrics[name]?.high == values.max(), "\(name)")
    }
  }

  @Test("no resamples, no interval; one unit, no width")
  func edges() throws {
    let some = answers(1, perPatient: 5)
    let none = try #require(MetricSuite.standard.evaluate(some, replicates: 0).metrics["exact-match"])
    #expect(none.low == nil && none.high == nil)
    let one = try #require(MetricSuite.standard.evaluate(some).metrics["exact-match"])
    #expect(one.low == one.value && one.high == one.value)
  }
}
