import CarinaRuntime

/// The tokenizer behind the COCO caption metrics: Stanford's Penn Treebank tokenizer (CoreNLP 3.4.1) with `-lowerCase`,
/// then the COCO evaluation's removal of punctuation.
///
/// This is a port of what the tokenizer does with the text of reports, captions and answers, found out by feeding it
/// probes; `docs/metrics.md` lists what was measured and where the two differ. In short:
/// - Words of letters and digits hold together over `-`, `_`, `/` and, without a space, over `.`, `!`, `?` between
///   letters (`right-sided`, `T12/L1`, `x.ray`); numbers over `. : ,` (`1.5`, `3,000`, `10:30`), but `1.5cm` is two
///   tokens.
/// - Clitics are cut off (`does n't`, `patient 's`), `cannot` and a few like it are two tokens.
/// - Abbreviations and initials keep their period (`vs.`, `e.g.`, `no. 3`); other periods stand alone.
/// - Brackets become `-lrb-` … `-rsb-`. In lower case they escape the COCO list, which names them in upper case, so
///   they stay.
/// - Everything else that is not a letter or digit stands alone; runs of `. - ! ? * _` are one token.
/// Not covered: addresses without `http`, mail addresses, telephone numbers, entities, emoticons, slang contractions
/// such as `y'all`.
package enum PennTreebankTokenizer {
  /// The caption as the COCO scorers see it: tokens without punctuation, joined by single spaces.
  package static func caption(_ text: String) -> String {
    tokens(text).filter { !removed.contains($0.exact) }.joined(separator: " ")
  }

  /// All tokens in lower case. A mixed number ("1 1/2") is one token with a no-break space inside.
  package static func tokens(_ text: String) -> [String] {
    var scanner = PennTreebankScanner(text)
    var tokens: [String] = []
    while let token = scanner.next() { tokens.append(token.lowercased()) }
    return tokens
  }

  // The COCO list also names -LRB-, -RRB-, -LCB- and -RCB-, but no lower-cased token is ever equal to them.
  private static let removed: Set<ExactText> = [
    "''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";",
  ]
}

/// Walks through a text and cuts off one Penn Treebank token at a time.
///
/// At every offset all patterns are tried and the longest match is the token, as in the lexer generator's original.
private struct PennTreebankScanner {
  let text: [Unicode.Scalar]
  private(set) var at = 0

  init(_ text: String) {
    // The reference drops soft hyphens, too, and takes what could not be decoded for a gap.
    self.text = text.unicodeScalars.filter { $0 != "\u{AD}" }.map { $0 == "\u{FFFD}" ? " " : $0 }
  }

  /// The next token, nil at the end. Letter case is as in the text.
  mutating func next() -> String? {
    while at < text.count, PennTreebankLexicon.isSpace(text[at]) { at += 1 }
    guard at < text.count else { return nil }
    return PennTreebankLexicon.isAlphanumeric(text[at]) ? nextWord() : nextMark()
  }

  private mutating func nextWord() -> String {
    if let end = addressEnd() { return take(end) }
    if let token = negation() ?? splitWord() { return token }
    let plain = runEnd(from: at, while: PennTreebankLexicon.isAlphanumeric)
    if let end = initialsEnd() { return take(end) }
    let ends = [
      plain, numberEnd(from: at), hyphenatedEnd(), slashedEnd(), commaHyphenatedEnd(), dottedEnd(), ampersandEnd(),
    ]
    let end = max(ends.max() ?? plain, mixedNumberEnd() ?? 0)
    if keepsPeriod(upTo: end, plain: plain) { return take(end + 1) }
    return take(end)
  }

  /// `https://…` up to white space, a bracket or a quote, without the marks at its end.
  private func addressEnd() -> Int? {
    let scheme = runEnd(from: at, while: PennTreebankLexicon.isASCIILetter)
    guard ["http", "https", "ftp"].contains(string(at, scheme).lowercased()), string(scheme, scheme + 3) == "://" else {
      return nil
    }
    var end = runEnd(from: scheme + 3) {
      !PennTreebankLexicon.isSpace($0) && !"<>|()[]{}\"\u{201C}\u{201D}".unicodeScalars.contains($0)
    }
    while end > scheme + 3, ".,;:!?'-".unicodeScalars.contains(text[end - 1]) { end -= 1 }
    return end > scheme + 3 ? end : nil
  }

  /// `isn't` → `is`, then `n't`.
  private mutating func negation() -> String? {
    let end = runEnd(from: at, while: PennTreebankLexicon.isLetter)
    guard end > at, lower(end - 1) == "n", isApostrophe(end), lower(end + 1) == "t", !isAlphanumeric(end + 2) else {
      return nil
    }
    return end - 1 > at ? take(end - 1) : take(end + 2)
  }

  /// The first half of a word like `cannot`.
  private mutating func splitWord() -> String? {
    let end = runEnd(from: at, while: PennTreebankLexicon.isAlphanumeric)
    guard let length = PennTreebankLexicon.splitWords[string(at, end).lowercased()],
      hyphenatedEnd() == end, slashedEnd() <= end, dottedEnd() == end
    else { return nil }
    return take(at + length)
  }

  /// `a.`, `e.g.`, `U.S.`: single letters with a period after each.
  private func initialsEnd() -> Int? {
    var end = at
    while end < text.count, PennTreebankLexicon.isASCIILetter(text[end]), has(".", at: end + 1) { end += 2 }
    guard end > at, !isLetter(end) else { return nil }
    // "x-a." and "a.-p." are one hyphenated word, and a letter that ends a sentence is no initial.
    if has("-", at: end), commaHyphenatedEnd() > end { return nil }
    if end == at + 2, isSentenceStart(after: end) || has(":", at: end) { return nil }
    return end
  }

  /// Letters and digits in parts joined by single hyphens or underscores; a part may begin with `d'`, `l'` or `o'`.
  private func hyphenatedEnd() -> Int {
    func part(_ start: Int) -> Int {
      let prefixed = "dDlLoO".unicodeScalars.contains { has($0, at: start) } && isApostrophe(start + 1)
      let end = runEnd(from: prefixed ? start + 2 : start, while: PennTreebankLexicon.isAlphanumeric)
      if prefixed, end >= start + 4 { return end }
      return runEnd(from: start, while: PennTreebankLexicon.isAlphanumeric)
    }
    var end = part(at)
    while end < text.count, PennTreebankLexicon.joins(text[end]), part(end + 1) > end + 1 { end = part(end + 1) }
    return end
  }

  /// Up to three ASCII words joined by slashes, each with up to two hyphenated ASCII letter parts.
  private func slashedEnd() -> Int {
    func part(_ start: Int) -> Int {
      var end = runEnd(from: start, while: PennTreebankLexicon.isASCIIAlphanumeric)
      guard end > start else { return start }
      for _ in 0..<2 where has("-", at: end) {
        let next = runEnd(from: end + 1, while: PennTreebankLexicon.isASCIILetter)
        if next > end + 1 { end = next }
      }
      return end
    }
    var end = part(at)
    for _ in 0..<2 where has("/", at: end) {
      let next = part(end + 1)
      if next > end + 1 { end = next }
    }
    return end
  }

  /// ASCII words with periods and commas inside their first part, as long as a hyphen follows: `1.5cm-wide`,
  /// `U.S.-based`.
  private func commaHyphenatedEnd() -> Int {
    guard PennTreebankLexicon.isASCIIAlphanumeric(text[at]) else { return at }
    let first = runEnd(from: at) { PennTreebankLexicon.isASCIIAlphanumeric($0) || $0 == "." || $0 == "," }
    var end = at
    var hyphen = first
    while has("-", at: hyphen) {
      let next = runEnd(from: hyphen + 1, while: PennTreebankLexicon.isASCIIAlphanumeric)
      guard next > hyphen + 1 else { break }
      end = next
      hyphen = next
    }
    return end
  }

  /// Words joined by `.`, or by `!` and `?` where letters are on both sides, without a space: `size.No`.
  private func dottedEnd() -> Int {
    let plain = runEnd(from: at, while: PennTreebankLexicon.isAlphanumeric)
    var end = runEnd(from: max(numberEnd(from: at), at), while: PennTreebankLexicon.isAlphanumeric)
    var lettersLead = isLetter(at)
    var joined = false
    if numberEnd(from: at) == end { return plain }
    while end + 1 < text.count, isLetter(end + 1),
      text[end] == "." || (lettersLead && (text[end] == "!" || text[end] == "?"))
    {
      lettersLead = lettersLead && isLetter(end + 1)
      end = runEnd(from: end + 1, while: PennTreebankLexicon.isAlphanumeric)
      joined = true
    }
    return joined ? end : plain
  }

  /// Capitals joined by `&` or `+`: `R&D`.
  private func ampersandEnd() -> Int {
    func capitals(_ start: Int) -> Int { runEnd(from: start) { ("A"..."Z").contains($0) } }
    var end = capitals(at)
    while end > at, has("&", at: end) || has("+", at: end), capitals(end + 1) > end + 1 { end = capitals(end + 1) }
    return end
  }

  /// `1,000`, `1.5`, `10:30`, `.5`; `start` itself if no number begins there.
  func numberEnd(from start: Int) -> Int {
    var end = runEnd(from: start, while: PennTreebankLexicon.isDigit)
    while "." == scalar(end) || ":" == scalar(end) || "," == scalar(end), isDigit(end + 1) {
      end = runEnd(from: end + 1, while: PennTreebankLexicon.isDigit)
    }
    return end
  }

  /// `1 1/2`, with one white-space character or hyphen between.
  private func mixedNumberEnd() -> Int? {
    func digits(_ start: Int) -> Int? {
      let end = runEnd(from: start, while: PennTreebankLexicon.isDigit)
      return (1...4).contains(end - start) ? end : nil
    }
    guard let whole = digits(at), whole < text.count,
      PennTreebankLexicon.isSpace(text[whole]) || text[whole] == "-",
      let upper = digits(whole + 1), has("/", at: upper), let end = digits(upper + 1)
    else { return nil }
    return end
  }

  /// Whether the period behind a word belongs to it.
  private func keepsPeriod(upTo end: Int, plain: Int) -> Bool {
    guard has(".", at: end) else { return false }
    if end == plain, "," == scalar(end + 1) || ";" == scalar(end + 1) || ":" == scalar(end + 1) { return true }
    let word = string(at, end)
    if PennTreebankLexicon.abbreviations.contains(word.lowercased().exact) || word.lowercased() == "ph.d"
      || word.lowercased() == "ed.d"
    {
      return true
    }
    if PennTreebankLexicon.capitalizedAbbreviations.contains(word.exact) { return true }
    guard PennTreebankLexicon.abbreviationsBeforeNumber.contains(word.lowercased().exact) else { return false }
    return isDigit(end + 1)
      || (end + 1 < text.count && PennTreebankLexicon.isSpace(text[end + 1]) && isDigit(end + 2))
  }

  private func isSentenceStart(after end: Int) -> Bool {
    let start = runEnd(from: end, while: PennTreebankLexicon.isSpace)
    let wordEnd = runEnd(from: start, while: PennTreebankLexicon.isLetter)
    guard start > end, wordEnd < text.count, PennTreebankLexicon.isSpace(text[wordEnd]) else { return false }
    return PennTreebankLexicon.sentenceStarts.contains(string(start, wordEnd).exact)
  }

  // What both kinds of token ask about the text.

  func scalar(_ index: Int) -> Unicode.Scalar? { text.indices.contains(index) ? text[index] : nil }
  func has(_ wanted: Unicode.Scalar, at index: Int) -> Bool { scalar(index) == wanted }
  func isLetter(_ index: Int) -> Bool { scalar(index).map(PennTreebankLexicon.isLetter) ?? false }
  func isDigit(_ index: Int) -> Bool { scalar(index).map(PennTreebankLexicon.isDigit) ?? false }
  func isAlphanumeric(_ index: Int) -> Bool { isLetter(index) || isDigit(index) }
  func isApostrophe(_ index: Int) -> Bool { has("'", at: index) || has("\u{2019}", at: index) }
  func lower(_ index: Int) -> String? { scalar(index).map { String($0).lowercased() } }

  func runEnd(from start: Int, while holds: (Unicode.Scalar) -> Bool) -> Int {
    var end = start
    while end < text.count, holds(text[end]) { end += 1 }
    return end
  }

  func string(_ start: Int, _ end: Int) -> String {
    var view = String.UnicodeScalarView()
    let start = min(start, text.count)
    view.append(contentsOf: text[start..<max(start, min(end, text.count))])
    return String(view)
  }

  /// The text up to `end` as a token, or what stands for it: apostrophes become straight, inner space unbreakable.
  mutating func take(_ end: Int, as replacement: String? = nil) -> String {
    defer { at = end }
    if let replacement { return replacement }
    var view = String.UnicodeScalarView()
    for scalar in text[at..<end] {
      view.append(scalar == "\u{2019}" ? "'" : PennTreebankLexicon.isSpace(scalar) ? "\u{A0}" : scalar)
    }
    return String(view)
  }
}

/// The tokens of the Penn Treebank scanner that do not begin with a letter or a digit.
extension PennTreebankScanner {
  /// The token at a character that is neither letter nor digit.
  fileprivate mutating func nextMark() -> String {
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
      let end = runEnd(from: at + 1) { PennTreebankLexicon.isASCIIAlphanumeric($0) || $0 == "_" }
      return isLetter(at + 1) ? take(end) : take(at + 1)
    case "&":
      for (entity, character) in [("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "''")] {
        let end = at + entity.unicodeScalars.count
        if end <= text.count, string(at, end).lowercased() == entity { return take(end, as: character) }
      }
      return take(at + 1)
    default:
      return take(at + 1, as: PennTreebankLexicon.rewritten[mark] ?? String(mark))
    }
  }

  /// `'s`, `'ll`, …; a shortened year; the few words that begin with an apostrophe.
  private func cliticEnd() -> Int? {
    guard isApostrophe(at) else { return nil }
    let end = runEnd(from: at + 1, while: PennTreebankLexicon.isAlphanumeric)
    let word = string(at + 1, end).lowercased()
    if PennTreebankLexicon.clitics.contains(word) { return end }
    if let length = PennTreebankLexicon.apostropheWords[word] { return at + 1 + length }
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
    guard name < text.count, PennTreebankLexicon.isASCIILetter(text[name]) else { return nil }
    let end = runEnd(from: name) {
      PennTreebankLexicon.isASCIIAlphanumeric($0) || " _:.-".unicodeScalars.contains($0)
    }
    return has(">", at: end) ? end + 1 : nil
  }
}
