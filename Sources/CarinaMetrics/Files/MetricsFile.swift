import CarinaRuntime
import Foundation

/// `metrics.json`: a `MetricReport` as a file whose bytes depend on nothing but the report.
package enum MetricsFile {
  /// Writes the report, names sorted, two spaces a level.
  /// - Throws: `CarinaError.cannotWrite`.
  package static func write(_ report: MetricReport, to path: String) throws {
    try AtomicFile.write(json(report).serialized(sortedKeys: true, indented: true) + "\n", to: path)
  }

  /// Reads a report.
  /// - Throws: `CarinaError.missingInput` when there is no such file, `.badData` naming the key that is not as it
  ///   should be.
  package static func read(_ path: String) throws -> MetricReport {
    let root = JSONNode(try .parseFile(path), source: path, wording: .results)
    var report = MetricReport(
      n: try root["n"].count(), metrics: try values(root["metrics"]),
      byAnswerType: try root["by_answer_type"].entries().mapValues(values),
      floors: try root["floors"].entries().mapValues { try $0.entries().mapValues(floor) },
      signatures: try root["signatures"].entries().mapValues { try $0.text() },
      bootstrap: try resampling(root["bootstrap"]))
    report.arms = try root["arms"].entries().mapValues(values)
    report.facts = try root["facts"].entries().mapValues { try $0.text() }
    return report
  }

  /// The report as JSON.
  package static func json(_ report: MetricReport) -> JSONValue {
    .object(
      JSONObject([
        ("n", .integer(report.n)),
        ("metrics", json(report.metrics)),
        ("by_answer_type", object(report.byAnswerType.mapValues(json))),
        ("floors", object(report.floors.mapValues { object($0.mapValues(json)) })),
        ("signatures", object(report.signatures.mapValues(JSONValue.string))),
        (
          "bootstrap",
          [
            "replicates": .integer(report.bootstrap.replicates), "seed": .string(String(report.bootstrap.seed)),
            "unit": .string(report.bootstrap.unit), "units": .integer(report.bootstrap.units),
          ]
        ),
        ("arms", object(report.arms.mapValues(json))),
        ("facts", object(report.facts.mapValues(JSONValue.string))),
      ]))
  }

  private static func object(_ table: [String: JSONValue]) -> JSONValue {
    .object(JSONObject(table.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }))
  }

  private static func json(_ metrics: [String: MetricValue]) -> JSONValue {
    object(
      metrics.mapValues { metric in
        var object = JSONObject([("value", .number(metric.value))])
        object["low"] = metric.low.map(JSONValue.number)
        object["high"] = metric.high.map(JSONValue.number)
        object["n"] = .integer(metric.n)
        return .object(object)
      })
  }

  private static func json(_ floor: CommonestAnswer) -> JSONValue {
    var object = JSONObject([("value", .number(floor.value)), ("n", .integer(floor.n))])
    object["answer"] = floor.answer.map(JSONValue.string)
    return .object(object)
  }

  private static func values(_ node: JSONNode) throws -> [String: MetricValue] {
    try node.entries().mapValues { entry in
      MetricValue(
        value: try entry["value"].number(), low: try entry["low"].optional?.number(),
        high: try entry["high"].optional?.number(), n: try entry["n"].count())
    }
  }

  private static func floor(_ node: JSONNode) throws -> CommonestAnswer {
    CommonestAnswer(
      value: try node["value"].number(), n: try node["n"].count(), answer: try node["answer"].optional?.text())
  }

  private static func resampling(_ node: JSONNode) throws -> MetricReport.Resampling {
    guard let seed = UInt64(try node["seed"].text()) else { throw node["seed"].failure("a whole number as text") }
    return .init(
      replicates: try node["replicates"].count(), seed: seed, unit: try node["unit"].text(),
      units: try node["units"].count())
  }
}
