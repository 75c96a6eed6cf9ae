/// The tokenizer behind the COCO caption metrics: Stanford's Penn Treebank tokenizer (CoreNLP 3.4.1) with `-lowerCase`, then
/// the COCO evaluation's removal of punctuation.
///
/// This is a port of what the tokenizer does with the text of reports, captions and answers, found out by feeding it probes;
/// `docs/metrics.md` lists what was measured and where the two differ. In short:
/// - Words of letters and digits hold together over `-`, `_`, `/` and, without a space, over `.`, `!`, `?` between letters
///   (`right-sided`, `T12/L1`, `x.ray`); numbers over `. : ,` (`1.5`, `3,000`, `10:30`), but `1.5cm` is two tokens.
/// - Clitics are cut off (`does n't`, `patient 's`), `cannot` and a few like it are two tokens.
/// - Abbreviations and initials keep their period (`vs.`, `e.g.`, `no. 3`); other periods stand alone.
/// - Brackets become `-lrb-` … `-rsb-`. In lower case they escape the COCO list, which names them in upper case, so they stay.
/// - Everything else that is not a letter or digit stands alone; runs of `. - ! ? * _` are one token.
/// Not covered: addresses without `http`, mail addresses, telephone numbers, entities, emoticons, slang contractions such as `y'all`.
package enum PennTreebankTokenizer {
  /// The caption as the COCO scorers see it: tokens without punctuation, joined by single spaces.
  public static func caption(_ text: String) -> String {
    tokens(text).filter { !removed.contains($0) }.joined(separator: " ")
  }

  /// All tokens in lower case. A mixed number ("1 1/2") is one token with a no-break space inside.
  package static func tokens(_ text: String) -> [String] {
    var scanner = PennTreebankScanner(text)
    var tokens: [String] = []
    while let token = scanner.next() { tokens.append(token.lowercased()) }
    return tokens
  }

  // The COCO list also names -LRB-, -RRB-, -LCB- and -RCB-, but no lower-cased token is ever equal to them.
  private static let removed: Set<String> = [
    "''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";",
  ]
}
