// The streams of the C library are variables; nobody assigns them.
@preconcurrency import Foundation

// These are free functions because a script should read like a script.

/// Prints as Swift's own `print` does, and tells the notebook which cell does it.
///
/// This takes precedence over Swift's where the types of the items are known. Where they are not (`Any`), and for
/// `print()` without items, Swift's own is called; its text goes to the cell that was last heard of.
public func print<each Item>(
  _ items: repeat each Item, separator: String = " ", terminator: String = "\n", line: Int = #line
) {
  var texts: [String] = []
  for item in repeat each items { texts.append(String(describing: item)) }
  CellMessage(line: line).send()
  Swift.print(texts.joined(separator: separator), terminator: terminator)
  StandardOutput.flush()
}

/// Shows a picture, given as the bytes of a PNG file, under the calling cell.
public func show(image png: Data, line: Int = #line) { send(.image(png), line) }

/// Shows a drawing, given as the text of an SVG file, under the calling cell.
public func show(svg: String, line: Int = #line) {
  send(.display(["image/svg+xml": svg, "text/plain": "<svg>"]), line)
}

/// Shows HTML under the calling cell.
public func show(html: String, line: Int = #line) { send(.display(["text/html": html, "text/plain": "<html>"]), line) }

/// Shows a table under the calling cell; the first row is the heading. A program that does not run as a notebook prints
/// it.
public func show(table rows: [[String]], line: Int = #line) { send(.table(rows), line) }

private func send(_ output: CellOutput, _ line: Int) {
  guard case .display(let data) = output else { return }
  if CellMessage.isHeard {
    CellMessage(line: line, display: data).send()
  } else if let text = data["text/plain"] {
    Swift.print(text)
  }
}
