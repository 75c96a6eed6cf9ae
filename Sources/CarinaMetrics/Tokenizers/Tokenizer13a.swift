/// The `13a` tokenizer of the NIST machine-translation evaluation, as SacreBLEU applies it.
///
/// `<skipped>` is dropped, words hyphenated over a line end are joined, four entities are resolved; ASCII punctuation
/// other than `' , - .` stands alone; a period or comma stands alone unless digits are on both of its sides; a dash
/// stands alone after a digit.
package enum Tokenizer13a {
  package static func tokens(_ text: String) -> [String] {
    var text = text
    // Trailing white space is dropped first, so that a final "-\n" keeps its dash.
    while let last = text.unicodeScalars.last, PythonText.isSpace(last) { text.unicodeScalars.removeLast() }
    text = PythonText.replacing("<skipped>", with: "", in: text)
    text = PythonText.replacing("-\n", with: "", in: text)
    text = PythonText.replacing("\n", with: " ", in: text)
    for (entity, character) in [("&quot;", "\""), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")] {
      text = PythonText.replacing(entity, with: character, in: text)
    }
    var line = [32] + text.unicodeScalars.map(\.value) + [32]
    line = line.flatMap { isLonePunctuation($0) ? [32, $0, 32] : [$0] }
    line = splitPairs(line, where: { !isDigit($0) && isStop($1) }) { [$0, 32, $1, 32] }
    line = splitPairs(line, where: { isStop($0) && !isDigit($1) }) { [32, $0, 32, $1] }
    line = splitPairs(line, where: { isDigit($0) && $1 == 45 }) { [$0, 32, $1, 32] }
    var scalars = String.UnicodeScalarView()
    scalars.append(contentsOf: line.compactMap(Unicode.Scalar.init))
    return PythonText.words(String(scalars))
  }

  private static func isLonePunctuation(_ c: UInt32) -> Bool {
    switch c {
    case 32...38, 40...43, 47, 58...64, 91...96, 123...126: true
    default: false
    }
  }

  private static func isDigit(_ c: UInt32) -> Bool { (48...57).contains(c) }
  private static func isStop(_ c: UInt32) -> Bool { c == 44 || c == 46 }

  /// Replaces matching neighbours from left to right, none of them overlapping.
  private static func splitPairs(
    _ line: [UInt32], where matches: (UInt32, UInt32) -> Bool, _ replacement: (UInt32, UInt32) -> [UInt32]
  ) -> [UInt32] {
    var result: [UInt32] = []
    result.reserveCapacity(line.count + 16)
    var i = 0
    while i < line.count {
      if i + 1 < line.count, matches(line[i], line[i + 1]) {
        result.append(contentsOf: replacement(line[i], line[i + 1]))
        i += 2
      } else {
        result.append(line[i])
        i += 1
      }
    }
    return result
  }
}
