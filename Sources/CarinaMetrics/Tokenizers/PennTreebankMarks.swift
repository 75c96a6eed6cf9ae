/// The tokens of the Penn Treebank scanner that do not begin with a letter or a digit.
extension PennTreebankScanner {
  /// The token at a character that is neither letter nor digit.
  mutating func nextMark() -> String {
    let mark = text[at]
    if let clitic = cliticEnd() { return take(clitic) }
    if let end = signedNumberEnd() { return take(end) }
    if let end = spacedEllipsisEnd() { return take(end, as: "...") }
    switch mark {
    case ".":
      let end = runEnd(from: at) { $0 == "." }
      return end - at >= 3 ? take(end, as: "...") : take(at + 1)
    case "-":
      let end = runEnd(from: at) { $0 == "-" }
      return end - at >= 2 ? take(end, as: "--") : take(at + 1)
    case "!", "?": return take(runEnd(from: at) { $0 == "!" || $0 == "?" })
    case "*", "_": return take(runEnd(from: at) { $0 == mark })
    case "'":
      return has("'", at: at + 1) ? take(at + 2, as: "''") : take(at + 1)
    case "<":
      if let end = tagEnd() { return take(end) }
      return take(at + 1)
    case "#", "@":
      let end = runEnd(from: at + 1) { PennTreebankCharacters.isASCIIAlphanumeric($0) || $0 == "_" }
      return isLetter(at + 1) ? take(end) : take(at + 1)
    case "&":
      for (entity, character) in [("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "''")] {
        let end = at + entity.unicodeScalars.count
        if end <= text.count, string(at, end).lowercased() == entity { return take(end, as: character) }
      }
      return take(at + 1)
    default:
      return take(at + 1, as: PennTreebankCharacters.rewritten[mark] ?? String(mark))
    }
  }

  /// `'s`, `'ll`, …; a shortened year; the few words that begin with an apostrophe.
  private func cliticEnd() -> Int? {
    guard isApostrophe(at) else { return nil }
    let end = runEnd(from: at + 1, while: PennTreebankCharacters.isAlphanumeric)
    let word = string(at + 1, end).lowercased()
    if PennTreebankCharacters.clitics.contains(word) { return end }
    if let length = PennTreebankCharacters.apostropheWords[word] { return at + 1 + length }
    let digits = word.hasSuffix("s") ? String(word.dropLast()) : word
    return digits.count == 2 && digits.allSatisfy(\.isNumber) && !has("\"", at: end) ? end : nil
  }

  private func signedNumberEnd() -> Int? {
    let signed = text[at] == "+" || text[at] == "-"
    let start = signed ? at + 1 : at
    let end = numberEnd(from: start)
    return end > start ? end : nil
  }

  private func spacedEllipsisEnd() -> Int? {
    guard string(at, min(at + 5, text.count)) == ". . ." else { return nil }
    return at + 5
  }

  private func tagEnd() -> Int? {
    let name = has("/", at: at + 1) ? at + 2 : at + 1
    guard name < text.count, PennTreebankCharacters.isASCIILetter(text[name]) else { return nil }
    let end = runEnd(from: name) {
      PennTreebankCharacters.isASCIIAlphanumeric($0) || " _:.-".unicodeScalars.contains($0)
    }
    return has(">", at: end) ? end + 1 : nil
  }
}
