import Carina
import Foundation
import TestSupport
import Testing

@Suite struct ReportPageTests {
  private func page() throws -> ReportPage {
    var page = ReportPage(title: "A <b>run</b> & its scores", summary: "One sentence.")
    page.facts = [.init("seed", "7"), .init("checkpoint", "runs/\"x\"")]
    page.curves = [LossCurve(name: "stage 1", steps: [1, 2, 3], losses: [3, 2, 1.5])]
    var report = MetricSuite.standard.evaluate(try EvaluationGoldens.answers(), replicates: 50)
    report.arms = ["shuffled": report.metrics, "blank": report.metrics]
    page.metrics = report
    page.outcomes = ExpectedResults([
      .init(metric: "exact-match", minimum: 0.1), .init(metric: "token-f1", minimum: 0.99),
    ]).compare(report)
    page.examples = [
      .init(
        ScoredAnswer(
          id: "p1", question: "Is it <normal>?", prediction: "Yes.", references: ["yes"], answerType: "CLOSED"),
        image: Data([1, 2, 3])),
      .init(
        ScoredAnswer(id: "p2", question: "Where?", prediction: "", references: ["left"]),
        image: Data([0xFF, 0xD8, 0xFF])),
      .init(ScoredAnswer(id: "p3", prediction: "A heart.", references: ["A lung."]), image: Data()),
    ]
    page.runs = [.init(title: "evaluate", command: "evaluate --x '<y>'", options: [.init("threads", "2")])]
    page.notes = ["A remark."]
    return page
  }

  @Test("the page holds every part, escapes what it is given and loads nothing")
  func parts() throws {
    let html = try page().html()
    for id in ["verdict", "training", "scores", "arms", "images", "runs", "remarks"] {
      #expect(html.contains("<section id=\"\(id)\">"), "\(id)")
    }
    #expect(html.contains("A &lt;b&gt;run&lt;/b&gt; &amp; its scores") && !html.contains("<b>run"))
    #expect(html.contains("Is it &lt;normal&gt;?"))
    #expect(html.contains("data:image/png;base64,AQID") && html.contains("data:image/jpeg;base64,/9j/"))
    for mark in ["✓ right", "✗ wrong", "free text", "✗ 1 of 2 expectations do not hold"] {
      #expect(html.contains(mark), "\(mark)")
    }
    for outside in ["src=\"http", "href=\"http", "url(", "<script", "<link", "@import"] {
      #expect(!html.contains(outside), "\(outside)")
    }
    #expect(try html == page().html())
  }

  @Test("every metric stands in the table with its interval, n and signature")
  func metrics() throws {
    let page = try page()
    let html = page.html(gnuplot: Gnuplot(searchPath: ""))
    for row in MetricTable(try #require(page.metrics)).rows {
      #expect(html.contains("<th scope=\"row\">\(row.name)</th><td class=\"number\">\(row.value)</td>"), "\(row.name)")
      #expect(html.contains(row.interval))
    }
  }

  @Test("without gnuplot the page goes without drawings and says why")
  func noGnuplot() throws {
    let html = try page().html(gnuplot: Gnuplot(searchPath: ""))
    #expect(html.contains("Not drawn.") && html.contains("gnuplot is not installed"))
    #expect(!html.contains("<svg"))
  }

  @Test("parts that are not there leave no heading")
  func emptyPage() {
    #expect(!ReportPage(title: "x").html().contains("<section"))
  }

  @Test("a training log gives its curve; a line without a step is named")
  func trainingLog() throws {
    let directory = try TemporaryDirectory()
    try AtomicFile.write(
      "{\"step\": 1, \"loss\": 3.5}\n{\"step\": 2, \"loss\": 2, \"validation_loss\": 2.5}\n",
      to: directory.file("a.jsonl"))
    #expect(
      try LossCurve.read(directory.file("a.jsonl"), name: "s")
        == LossCurve(name: "s", steps: [1, 2], losses: [3.5, 2], validationSteps: [2], validationLosses: [2.5]))
    try AtomicFile.write("{\"step\": 1, \"loss\": 3.5}\n{\"loss\": 2}\n", to: directory.file("b.jsonl"))
    let error = #expect(throws: CarinaError.self) { try LossCurve.read(directory.file("b.jsonl"), name: "s") }
    #expect(error?.location?.contains("line 2") == true)
  }
}
