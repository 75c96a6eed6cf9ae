import Foundation

/// The page's images: under each what was asked about it, what was wanted and what was answered.
enum ReportGallery {
  static func html(_ examples: [ReportPage.Example]) -> String {
    guard !examples.isEmpty else { return "" }
    var order: [[Data]] = []
    var cards: [[Data]: [ReportPage.Example]] = [:]
    for example in examples {
      let images = [example.image] + example.furtherImages
      if cards[images] == nil { order.append(images) }
      cards[images, default: []].append(example)
    }
    return "<div class=\"gallery\">\n\(order.map { card($0, cards[$0] ?? []) }.joined())</div>\n"
  }

  private static func card(_ images: [Data], _ examples: [ReportPage.Example]) -> String {
    let name = HTML.escaped(examples.first?.id ?? "")
    let pictures = images.enumerated().map { index, image in
      // Several share the width of the card, in their order.
      let (style, number) = images.count == 1 ? ("", "") : (" style=\"flex: 1; min-width: 0\"", "\(index + 1) of ")
      return "<img\(style) src=\"data:\(mediaType(image));base64,\(image.base64EncodedString())\" "
        + "alt=\"Radiograph \(number)\(name)\">"
    }
    let shown =
      images.count == 1
      ? pictures[0]
      : "<div class=\"pictures\" style=\"display: flex; gap: 2px\">\n\(pictures.joined(separator: "\n"))\n</div>"
    return """
      <article class="card">
      \(shown)
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
