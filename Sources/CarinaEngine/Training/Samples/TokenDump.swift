import CarinaRuntime
import CarinaText

/// A sample as the model reads it, for a person to look at: positions, ids, pieces, images, and which ids are to be
/// predicted.
struct TokenDump {
  /// One line a position; an image is one line for all its rows.
  let lines: [String]

  /// - Parameters:
  ///   - name: the sample's id.
  ///   - rowsPerImage: rows that an image takes.
  init(_ prompt: RenderedPrompt, name: String, tokenizer: any Tokenizer, rowsPerImage: Int) {
    let total = prompt.count + rowsPerImage * prompt.imageCount
    var lines = ["sample \(DisplayedText.of(name)): \(total) positions, \(prompt.supervisedCount) to be predicted"]
    var position = 0
    func add(_ id: Int, isTarget: Bool = false) {
      let piece = JSONValue.string(tokenizer.piece(of: id) ?? "?").shown
      lines.append("\(TokenDump.padded(position))\(TokenDump.padded(id))  \(isTarget ? "*" : " ") \(piece)")
      position += 1
    }
    let segments = [prompt.tokensBeforeImage] + prompt.tokensBetweenImages
    let targets = [prompt.supervisedBefore] + prompt.supervisedBetween
    for (index, ids) in segments.enumerated() where index < prompt.imageCount {
      for (id, isTarget) in zip(ids, targets[index]) { add(id, isTarget: isTarget) }
      lines.append(
        "\(TokenDump.padded(position))   image    image \(index + 1), positions \(position) to \(position + rowsPerImage - 1)"
      )
      position += rowsPerImage
    }
    for (id, isTarget) in zip(prompt.tokensAfterImage, prompt.supervised) { add(id, isTarget: isTarget) }
    self.lines = lines
  }

  private static func padded(_ number: Int) -> String {
    let text = "\(number)"
    return String(repeating: " ", count: max(1, 8 - text.count)) + text
  }
}
