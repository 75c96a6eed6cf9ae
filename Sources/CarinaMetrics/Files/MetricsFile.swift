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
  /// - Throws: `CarinaError.missingInput` when there is no such file, `.badData` naming the key that is not as it should be.
  package static func read(_ path: String) throws -> MetricReport {
    let root = MetricsNode(try JSONValue.parseFile(path), path)
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

  private static func values(_ node: MetricsNode) throws -> [String: MetricValue] {
    try node.entries().mapValues { entry in
      MetricValue(
        value: try entry["value"].number(), low: try entry["low"].optional?.number(),
        high: try entry["high"].optional?.number(), n: try entry["n"].count())
    }
  }

  private static func floor(_ node: MetricsNode) throws -> CommonestAnswer {
    CommonestAnswer(
      value: try node["value"].number(), n: try node["n"].count(), answer: try node["answer"].optional?.text())
  }

  private static func resampling(_ node: MetricsNode) throws -> MetricReport.Resampling {
    guard let seed = UInt64(try node["seed"].text()) else { throw node["seed"].failure("a whole number as text") }
    return .init(
      replicates: try node["replicates"].count(), seed: seed, unit: try node["unit"].text(),
      units: try node["units"].count())
  }
}

/// A place in a file of metrics, with errors that name it.
struct MetricsNode {
  let value: JSONValue?
  let path: String
  let keys: [String]

  init(_ value: JSONValue?, _ path: String, _ keys: [String] = []) {
    self.value = value
    self.path = path
    self.keys = keys
  }

  subscript(_ key: String) -> MetricsNode { MetricsNode(value?[key], path, keys + [key]) }

  /// Itself if something stands here.
  var optional: MetricsNode? { value == nil || value == .null ? nil : self }

  func number() throws -> Double {
    guard let number = value?.double else { throw failure("a number") }
    return number
  }

  func count() throws -> Int {
    guard let count = value?.int, count >= 0 else { throw failure("a whole number from 0") }
    return count
  }

  func text() throws -> String {
    guard let text = value?.string else { throw failure("a text") }
    return text
  }

  /// The object's entries; none where nothing stands.
  func entries() throws -> [String: MetricsNode] {
    guard let value, !value.isNull else { return [:] }
    guard let object = value.object else { throw failure("an object") }
    return object.reduce(into: [:]) { $0[$1.key] = MetricsNode($1.value, path, keys + [$1.key]) }
  }

  func failure(_ expected: String) -> CarinaError {
    CarinaError(
      .badData, "the key \"\(keys.joined(separator: "/"))\" is not as it should be", at: path, expected: expected,
      found: value?.kindName ?? "nothing")
  }
}
