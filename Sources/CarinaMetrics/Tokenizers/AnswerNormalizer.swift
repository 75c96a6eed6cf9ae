/// The normalisation of the official VQA evaluation (Antol et al. 2015), used by every exact comparison of answers.
///
/// In order: punctuation, periods, lower case, number words, articles, contractions.
/// - Punctuation `; / [ ] " { } ( ) = + \ _ - > < @ ` , ? !` becomes a space; but it vanishes without one where, in the
///   original text, the same mark stands beside a space or any comma stands between digits.
/// - A period goes unless a digit follows ("1.5" stays, "No." becomes "No").
/// - `none`, `zero` … `ten` become `0` … `10`; `a`, `an`, `the` go.
/// - A contraction written without one of its apostrophes gets it back (`isnt` → `isn't`).
/// The official table's slip of mapping `somebody'd` to `somebodyd` is not repeated.
package enum AnswerNormalizer {
  /// The normal form, its words joined by single spaces.
  package static func normalize(_ answer: String) -> String {
    let spaced = answer.unicodeScalars.map { $0 == "\n" || $0 == "\t" ? " " : $0 }
    let trimmed = spaced.drop(while: PythonText.isSpace).reversed().drop(while: PythonText.isSpace).reversed()
    var scalars = Array(trimmed)
    scalars = withoutPeriods(withoutPunctuation(scalars))
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return PythonText.words(String(view).lowercased())
      .map { numbers[$0] ?? $0 }
      .filter { !articles.contains($0) }
      .map { contractions[$0] ?? $0 }
      .joined(separator: " ")
  }

  private static let punctuation = Set(";/[]\"{}()=+\\_-><@`,?!".unicodeScalars)
  private static let articles: Set<String> = ["a", "an", "the"]
  private static let numbers = [
    "none": "0", "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6",
    "seven": "7", "eight": "8", "nine": "9", "ten": "10",
  ]

  private static func withoutPunctuation(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
    let commaInNumber = text.indices.contains { i in
      text[i] == "," && i > 0 && i + 1 < text.count
        && PythonText.isDigit(text[i - 1]) && PythonText.isDigit(text[i + 1])
    }
    var besideSpace = Set<Unicode.Scalar>()
    for (first, second) in zip(text, text.dropFirst()) {
      if first == " " { besideSpace.insert(second) }
      if second == " " { besideSpace.insert(first) }
    }
    return text.compactMap { scalar in
      guard punctuation.contains(scalar) else { return scalar }
      return commaInNumber || besideSpace.contains(scalar) ? nil : " "
    }
  }

  private static func withoutPeriods(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
    text.indices
      .filter { text[$0] != "." || ($0 + 1 < text.count && PythonText.isDigit(text[$0 + 1])) }
      .map { text[$0] }
  }

  /// Each contraction under its spellings that lack exactly one apostrophe.
  private static let contractions: [String: String] = {
    var table: [String: String] = [:]
    for whole in contractedWords.split(whereSeparator: { $0 == " " || $0 == "\n" }).map(String.init) {
      for index in whole.indices where whole[index] == "'" {
        var without = whole
        without.remove(at: index)
        table[without] = whole
      }
    }
    return table
  }()

  private static let contractedWords = """
    ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't haven't he'd he'd've
    he's how'd how'll how's isn't it'd it'd've it'll ma'am might've mightn't mightn't've must've mustn't needn't not've
    o'clock oughtn't 'ow's'at shan't she'd've should've shouldn't shouldn't've somebody'd've somebody'll somebody's
    someone'd someone'd've someone'll someone's something'd something'd've something'll that's there'd there'd've
    there're there's they'd they'd've they'll they're they've 'twas wasn't we'd've we've weren't what'll what're what's
    what've when's where'd where's where've who'd who'd've who'll who's who've why'll why're why's won't would've
    wouldn't wouldn't've y'all y'all'd've y'all'll you'd you'd've you'll you're you've
    """
}
