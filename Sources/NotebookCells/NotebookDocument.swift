import Foundation

/// An executed notebook: a script's cells with what they put out, as an `.ipynb` file of format 4.5.
public struct NotebookDocument: Equatable, Sendable {
  /// The cells, in the order of the script.
  public var cells: [Cell]
  /// What each cell put out, by its index in `cells`.
  public var outputs: [Int: [CellOutput]]
  /// The first cell that was not reached; nil when the program ran to its end.
  public var firstUnreached: Int?

  /// A notebook; without outputs, one that was not run.
  public init(cells: [Cell], outputs: [Int: [CellOutput]] = [:], firstUnreached: Int? = nil) {
    self.cells = cells
    self.outputs = outputs
    self.firstUnreached = firstUnreached
  }

  /// The file's bytes: keys sorted, so that equal runs give equal files.
  public func data() throws -> Data {
    var count = 0
    let json: [String: Any] = [
      "nbformat": 4, "nbformat_minor": 5,
      "metadata": [
        "kernelspec": ["display_name": "Swift", "language": "swift", "name": "swift"],
        "language_info": ["name": "swift", "file_extension": ".swift", "mimetype": "text/x-swift"],
      ],
      "cells": cells.enumerated().map { index, cell -> [String: Any] in
        var entry: [String: Any] = [
          "id": "cell-\(index + 1)", "metadata": cell.title.isEmpty ? [:] : ["title": cell.title],
          "source": Self.lines(cell.source),
        ]
        guard cell.kind == .code else {
          entry["cell_type"] = "markdown"
          return entry
        }
        entry["cell_type"] = "code"
        entry["outputs"] = Self.merged(outputs[index] ?? []).map(Self.json)
        if index < firstUnreached ?? cells.count {
          count += 1
          entry["execution_count"] = count
        } else {
          entry["execution_count"] = NSNull()
        }
        return entry
      },
    ]
    var data = try JSONSerialization.data(
      withJSONObject: json, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
    data.append(UInt8(ascii: "\n"))
    return data
  }

  /// A text as the format wants it: its lines, each but the last with its line feed.
  private static func lines(_ text: String) -> [String] {
    var lines = text.utf8.split(separator: 10, omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) + "\n" }
    if let last = lines.popLast(), last != "\n" { lines.append(String(last.dropLast())) }
    return lines
  }

  /// Printed texts that follow each other as one.
  private static func merged(_ outputs: [CellOutput]) -> [CellOutput] {
    outputs.reduce(into: []) { result, output in
      if case .text(let new) = output, case .text(let old) = result.last {
        result[result.count - 1] = .text(old + new)
      } else {
        result.append(output)
      }
    }
  }

  private static func json(_ output: CellOutput) -> [String: Any] {
    switch output {
    case .text(let text):
      return ["output_type": "stream", "name": "stdout", "text": lines(text)]
    case .display(let data):
      // The format splits texts into lines, but a picture is one string.
      let content = data.reduce(into: [String: Any]()) { result, item in
        result[item.key] = item.key.hasPrefix("text/") || item.key.hasSuffix("+xml") ? lines(item.value) : item.value
      }
      return ["output_type": "display_data", "data": content, "metadata": [String: Any]()]
    case .error(let name, let message):
      return ["output_type": "error", "ename": name, "evalue": message, "traceback": lines(message)]
    }
  }
}
