import CarinaData
import CarinaMetrics
import CarinaRuntime
import CarinaText
import Foundation

/// The page of `preprocess inspect`: what shard directories hold, to look at before a model is trained on it.
///
/// ```swift
/// let page = try InspectionPage([ShardDirectory("data/shards/stage2-train")])
/// try AtomicFile.write(page.html(), to: "inspection.html")
/// ```
public struct InspectionPage {
  /// What to show.
  public struct Options {
    /// Images of the grid, and questions under each.
    public var images = 24, samplesPerImage = 3
    /// Counts tokens; nil shows words alone.
    public var tokenizer: (any Tokenizer)?
    /// What training would cut to.
    public var maximumQuestionTokens = PromptSettings().maximumQuestionTokens
    /// Most ids of an answer in training.
    public var maximumAnswerTokens = PromptSettings().maximumAnswerTokens

    /// 24 images with 3 questions each; tokens are not counted.
    public init() {}
  }

  private let parts: [(shards: ShardDirectory, distributions: ShardDistributions)]
  private let options: Options

  /// Looks at directories.
  /// - Throws: `CarinaError.usage` for none, `.badData` when pixels cannot be read.
  public init(_ directories: [ShardDirectory], options: Options = Options()) throws {
    guard !directories.isEmpty else { throw CarinaError(.usage, "a page needs a shard directory") }
    let tokens = options.tokenizer.map {
      ShardDistributions.Tokens(
        tokenizer: $0, maximumQuestion: options.maximumQuestionTokens, maximumAnswer: options.maximumAnswerTokens)
    }
    parts = try directories.map { ($0, try ShardDistributions($0, tokens: tokens)) }
    self.options = options
  }

  /// The page.
  /// - Throws: `CarinaError.badData` when an image cannot be read.
  public func html(gnuplot: Gnuplot = Gnuplot()) throws -> String {
    let images = parts.reduce(0) { $0 + $1.shards.imageCount }
    let samples = parts.reduce(0) { $0 + $1.shards.sampleCount }
    let names = parts.map { InspectionPage.name($0.shards) }
    let facts = parts.map { part in
      let manifest = part.shards.manifest
      return ReportPage.Fact(
        InspectionPage.name(part.shards),
        "\(part.shards.imageCount) images, \(part.shards.sampleCount) samples; left out "
          + "\(manifest.rejectedImages) images, \(manifest.rejectedSamples) samples; "
          + "transform \(manifest.transform.id), \(manifest.transform.size) pixels a side"
      )
    }
    var body = """
      <header>
      <h1>\(HTML.escaped(names.joined(separator: ", ")))</h1>
      <p class="summary">\(images) images with \(samples) samples, as a model sees them.</p>
      \(HTML.facts(facts))</header>

      """
    body += HTML.section("Splits and views", id: "counts", counts())
    body += HTML.section("Remarks", id: "remarks", try InspectionRemarks(parts.map(\.shards)).html())
    for (index, (part, name)) in zip(parts, names).enumerated() {
      let suffix = parts.count > 1 ? ": \(name)" : ""
      body += HTML.section(
        "Pixels and texts\(suffix)", id: "figures-\(index + 1)", figures(part.distributions, gnuplot))
      body += HTML.section("Images\(suffix)", id: "images-\(index + 1)", try grid(part.shards))
    }
    return HTML.document(title: "Shards: \(names.joined(separator: ", "))", body: body)
  }

  static func name(_ shards: ShardDirectory) -> String {
    shards.manifest.split.isEmpty ? (shards.path as NSString).lastPathComponent : shards.manifest.split
  }

  private func counts() -> String {
    func table(_ title: String, _ counts: [[ExactText: Int]]) -> String {
      let keys = Set(counts.flatMap(\.keys)).sorted { left, right in
        let (a, b) = (counts.reduce(0) { $0 + ($1[left] ?? 0) }, counts.reduce(0) { $0 + ($1[right] ?? 0) })
        return a == b ? left < right : a > b
      }
      let rows = keys.prefix(40).map { key in
        [key.text.isEmpty ? "not given" : key.text] + counts.map { String($0[key] ?? 0) }
      }
      let rest = keys.count > 40 ? "<p class=\"note\">and \(keys.count - 40) more</p>\n" : ""
      return HTML.table(
        [title] + parts.map { InspectionPage.name($0.shards) }, rows, numbers: Set(1...parts.count)) + rest
    }
    return table("view (images)", parts.map(\.distributions.views))
      + table("question type (samples)", parts.map(\.distributions.questionTypes))
      + table("answer type (samples)", parts.map(\.distributions.answerTypes))
  }

  private func grid(_ shards: ShardDirectory) throws -> String {
    var samples: [Int: [ShardSample]] = [:]
    let rows = shards.rowsSpread(over: options.images)
    let wanted = Set(rows)
    for index in 0..<shards.sampleCount {
      let sample = shards.sample(index)
      for row in Set(sample.imageRows).intersection(wanted) { samples[row, default: []].append(sample) }
    }
    let cards = try rows.map { row -> String in
      let image = shards.image(row)
      let png = try PNGEncoder.encode(shards.pixels(imageRow: row))
      let own = samples[row] ?? []
      let entries = own.prefix(options.samplesPerImage).map { sample in
        "<p class=\"question\">\(HTML.escaped(sample.question.isEmpty ? "Caption" : sample.question))</p>"
          + InspectionPage.place(of: row, in: sample) + "<p>\(HTML.escaped(sample.answer))</p>"
      }
      let rest = own.count > entries.count ? "<p class=\"note\">and \(own.count - entries.count) more</p>" : ""
      return """
        <article class="card">
        <img src="data:image/png;base64,\(png.base64EncodedString())" alt="Radiograph \(HTML.escaped(image.id))">
        <div class="entry"><p class="foot"><code>\(HTML.escaped(image.id))</code></p>
        <p class="note">\(HTML.escaped(image.caption))</p>\(entries.joined())\(rest)</div>
        </article>

        """
    }
    return "<div class=\"gallery\">\n\(cards.joined())</div>\n"
  }

  /// Which of a sample's images a row is, where there are several.
  private static func place(of row: Int, in sample: ShardSample) -> String {
    guard sample.imageRows.count > 1 else { return "" }
    let numbers = sample.imageRows.indices.filter { sample.imageRows[$0] == row }.map { "\($0 + 1)" }
    return "<p class=\"note\">image \(numbers.joined(separator: " and ")) of \(sample.imageRows.count)</p>"
  }

  private func figures(_ found: ShardDistributions, _ gnuplot: Gnuplot) -> String {
    func figure(_ caption: String, _ plot: HistogramPlot) -> String {
      ReportCurves.figure(caption: caption) { try plot.svg(gnuplot: gnuplot) }
    }
    var figures = [
      figure(
        "Grey levels of \(found.intensityImages) images",
        HistogramPlot(
          found.intensity.enumerated().map { (Double(4 * $0.offset), $0.element) }, width: 4, xLabel: "grey level",
          yLabel: "share of the pixels"))
    ]
    if found.questionTypes.count > 1 {
      let shown = found.questionTypes.sorted { $0.value == $1.value ? $0.key < $1.key : $0.value > $1.value }.prefix(10)
      figures.append(
        ReportCurves.figure(caption: "Question types, the \(shown.count) commonest") {
          var plot = BarPlot(
            groups: shown.map { $0.key.text.isEmpty ? "not given" : $0.key.text },
            series: [.init("samples", values: shown.map { MetricValue(value: Double($0.value), n: $0.value) })])
          plot.isSlanted = true
          return try plot.svg(width: 520, height: 260, gnuplot: gnuplot)
        })
    }
    for (what, words, tokens, limit, option) in [
      (
        "answer", found.answerWords, found.answerTokens, options.maximumAnswerTokens,
        PromptSettings.name(\.maximumAnswerTokens)
      ),
      (
        "question", found.questionWords, found.questionTokens, options.maximumQuestionTokens,
        PromptSettings.name(\.maximumQuestionTokens)
      ),
    ] where !words.isEmpty {
      figures.append(
        figure(
          "Words of an \(what == "answer" ? "answer" : "asked question"): \(InspectionPage.spread(words))",
          HistogramPlot(words, xLabel: "words", yLabel: "samples")))
      guard !tokens.isEmpty else { continue }
      let cut = tokens.count { $0 > limit }
      figures.append(
        figure(
          "Tokens of \(what == "answer" ? "an answer" : "a question"): \(InspectionPage.spread(tokens)); \(cut) of "
            + "\(tokens.count) above \(setting: option) \(limit)",
          HistogramPlot(tokens, xLabel: "tokens", yLabel: "samples", limit: limit)))
    }
    return "<div class=\"figures\">\n\(figures.joined())</div>\n"
  }

  /// Median, 95th percentile and maximum.
  static func spread(_ values: [Int]) -> String {
    let sorted = values.sorted()
    guard let largest = sorted.last else { return "none" }
    func part(_ fraction: Double) -> Int { sorted[Int((Double(sorted.count - 1) * fraction).rounded())] }
    return "median \(part(0.5)), 95% up to \(part(0.95)), at most \(largest)"
  }
}
