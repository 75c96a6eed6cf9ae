import CarinaRuntime
import Foundation

/// `metrics.json`: a `MetricReport` as a file whose bytes depend on nothing but the report.
package enum MetricsFile {
  /// Writes the report, names sorted, two spaces a level.
  /// - Throws: `CarinaError.cannotWrite`.
  package static func write(_ report: MetricReport, to path: String) throws {
    try json(report).write(to: path)
  }

  /// Reads a report.
  /// - Throws: `CarinaError.missingInput` when there is no such file, `.badData` naming the key that is not as it
  ///   should be.
  package static func read(_ path: String) throws -> MetricReport {
    let root = JSONNode(try .parseFile(path), source: path, wording: .results)
    var report = MetricReport(
      n: try root["n"].count(), metrics: try values(root["metrics"]),
      byAnswerType: try root["by_answer_type"].entries().mapValues(values),
      floors: try table(root["floors"]) { try table($0, floor) },
      signatures: try table(root["signatures"]) { try $0.text() },
      bootstrap: try resampling(root["bootstrap"]))
    report.arms = try table(root["arms"], values)
    report.facts = try table(root["facts"]) { try $0.text() }
    return report
  }

  /// The report as JSON.
  package static func json(_ report: MetricReport) -> JSONValue {
    .object(
      JSONObject([
        ("n", .integer(report.n)),
        ("metrics", json(report.metrics)),
        ("by_answer_type", exactObject(report.byAnswerType.mapValues(json))),
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
    exactObject(table.reduce(into: [:]) { $0[ExactText($1.key)] = $1.value })
  }

  private static func exactObject(_ table: [ExactText: JSONValue]) -> JSONValue {
    .object(JSONObject(table.sorted { $0.key < $1.key }.map { ($0.key.text, $0.value) }))
  }

  /// Entries under the names that the engine gives them.
  private static func table<Value>(
    _ node: JSONNode, _ read: (JSONNode) throws -> Value
  ) throws -> [String: Value] {
    try node.entries().reduce(into: [:]) { $0[$1.key.text] = try read($1.value) }
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
    // A metric that could not be computed is NaN in files that Python wrote.
    func number(_ node: JSONNode) throws -> Double { try node.read("a number", \.extendedDouble) }
    return try table(node) { entry in
      MetricValue(
        value: try number(entry["value"]), low: try entry["low"].optional.map(number),
        high: try entry["high"].optional.map(number), n: try entry["n"].count())
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
