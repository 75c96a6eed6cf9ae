/// The page's record of what was run.
enum ReportRuns {
  static func html(_ runs: [ReportPage.Run]) -> String {
    runs.map { run in
      let options = run.options.isEmpty ? "" : HTML.folded("Options and versions", HTML.facts(run.options))
      return "<h3>\(HTML.escaped(run.title))</h3>\n<pre><code>\(HTML.escaped(run.command))</code></pre>\n\(options)"
    }.joined()
  }
}
