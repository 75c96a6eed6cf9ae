import Foundation

/// The page's images: under each what was asked about it, what was wanted and what was answered.
enum ReportGallery {
  static func html(_ examples: [ReportPage.Example]) -> String {
    guard !examples.isEmpty else { return "" }
    var order: [Data] = []
    var cards: [Data: [ReportPage.Example]] = [:]
    for example in examples {
      if cards[example.image] == nil { order.append(example.image) }
      cards[example.image, default: []].append(example)
    }
    return "<div class=\"gallery\">\n\(order.map { card($0, cards[$0] ?? []) }.joined())</div>\n"
  }

  private static func card(_ image: Data, _ examples: [ReportPage.Example]) -> String {
    """
    <article class="card">
    <img src="data:\(mediaType(image));base64,\(image.base64EncodedString())" \
    alt="Radiograph \(HTML.escaped(examples.first?.id ?? ""))">
    \(examples.map(entry).joined())</article>

    """
  }

  private static func entry(_ example: ReportPage.Example) -> String {
    let verdict =
      switch example.isRight {
      case true?: "<span class=\"mark good\">✓ right</span>"
      case false?: "<span class=\"mark bad\">✗ wrong</span>"
      case nil: "<span class=\"mark\">free text</span>"
      }
    let question = example.question.isEmpty ? "Describe the image." : example.question
    return """
      <div class="entry">
      <p class="question">\(HTML.escaped(question))</p>
      <dl><dt>reference</dt><dd>\(HTML.escaped(example.reference))</dd>
      <dt>answer</dt><dd>\(example.answer.isEmpty ? "<em>nothing</em>" : HTML.escaped(example.answer))</dd></dl>
      <p class="foot">\(verdict)<code>\(HTML.escaped(example.id))</code></p>
      </div>

      """
  }

  /// PNG unless the bytes begin as a JPEG file does.
  private static func mediaType(_ image: Data) -> String {
    image.starts(with: [0xFF, 0xD8, 0xFF]) ? "image/jpeg" : "image/png"
  }
}
