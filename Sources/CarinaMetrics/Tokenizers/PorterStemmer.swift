/// The Porter stemmer (Porter, "An algorithm for suffix stripping", Program 14.3, 1980) in the dialect of NLTK, which
/// ROUGE's stemmed variants use.
///
/// The dialect's departures from the paper: a few irregular words; `ies` and `ied` give `ie` in words of four letters;
/// final `y` becomes `i` after any consonant that is not the whole stem; `alli` is tried first and its result once
/// more; rules for `bli`, `fulli` and `logi`; a stem of vowel and consonant counts as short; words of one or two
/// letters stay.
package enum PorterStemmer {
  /// The stem of a lower-case ASCII word.
  package static func stem(_ word: String) -> String {
    if let irregular = irregularWords[word] { return irregular }
    var word = Word(letters: Array(word.utf8))
    guard word.letters.count > 2 else { return String(decoding: word.letters, as: UTF8.self) }
    removePlural(&word)
    removeParticiple(&word)
    if word.ends(with: "y"), word.letters.count > 2, word.isConsonant(at: word.letters.count - 2) {
      word.replaceSuffix("y", with: "i")
    }
    replaceDoubleSuffix(&word)
    apply(step3, to: &word, measureAbove: 0)
    removeSuffix(&word)
    tidy(&word)
    return String(decoding: word.letters, as: UTF8.self)
  }

  private static let irregularWords: [String: String] = [
    "sky": "sky", "skies": "sky", "dying": "die", "lying": "lie", "tying": "tie", "news": "news",
    "innings": "inning", "inning": "inning", "outings": "outing", "outing": "outing", "cannings": "canning",
    "canning": "canning", "howe": "howe", "proceed": "proceed", "exceed": "exceed", "succeed": "succeed",
  ]

  // The suffixes of steps 2, 3 and 4 (paper of 1980, with NLTK's `bli` and `fulli`), in the order in which they are
  // tried.
  private static let step2: [(String, String)] = [
    ("ational", "ate"), ("tional", "tion"), ("enci", "ence"), ("anci", "ance"), ("izer", "ize"), ("bli", "ble"),
    ("alli", "al"), ("entli", "ent"), ("eli", "e"), ("ousli", "ous"), ("ization", "ize"), ("ation", "ate"),
    ("ator", "ate"), ("alism", "al"), ("iveness", "ive"), ("fulness", "ful"), ("ousness", "ous"), ("aliti", "al"),
    ("iviti", "ive"), ("biliti", "ble"), ("fulli", "ful"),
  ]

  private static let step3: [(String, String)] = [
    ("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""), ("ness", ""),
  ]

  private static let step4 = [
    "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism", "ate", "iti",
    "ous", "ive", "ize",
  ]

  /// Step 1a.
  private static func removePlural(_ word: inout Word) {
    if word.ends(with: "ies") {
      word.replaceSuffix("ies", with: word.letters.count == 4 ? "ie" : "i")
    } else if word.ends(with: "sses") {
      word.replaceSuffix("sses", with: "ss")
    } else if word.ends(with: "s"), !word.ends(with: "ss") {
      word.replaceSuffix("s", with: "")
    }
  }

  /// Step 1b.
  private static func removeParticiple(_ word: inout Word) {
    if word.ends(with: "ied") {
      word.replaceSuffix("ied", with: word.letters.count == 4 ? "ie" : "i")
      return
    }
    if word.ends(with: "eed") {
      if word.stem(without: "eed").measure > 0 { word.replaceSuffix("eed", with: "ee") }
      return
    }
    guard let suffix = ["ed", "ing"].first(where: { word.ends(with: $0) && word.stem(without: $0).hasVowel })
    else { return }
    word.replaceSuffix(suffix, with: "")
    for (ending, whole) in [("at", "ate"), ("bl", "ble"), ("iz", "ize")] where word.ends(with: ending) {
      word.replaceSuffix(ending, with: whole)
      return
    }
    if word.endsInDoubleConsonant {
      if !["l", "s", "z"].contains(where: { word.ends(with: $0) }) { word.letters.removeLast() }
    } else if word.measure == 1, word.isShort {
      word.replaceSuffix("", with: "e")
    }
  }

  /// Step 2.
  private static func replaceDoubleSuffix(_ word: inout Word) {
    while word.ends(with: "alli"), word.stem(without: "alli").measure > 0 { word.replaceSuffix("alli", with: "al") }
    if word.ends(with: "logi") {
      if word.stem(without: "ogi").measure > 0 { word.replaceSuffix("logi", with: "log") }
      return
    }
    apply(step2, to: &word, measureAbove: 0)
  }

  /// Step 4.
  private static func removeSuffix(_ word: inout Word) {
    guard let suffix = step4.first(where: { word.ends(with: $0) }) else { return }
    let stem = word.stem(without: suffix)
    guard stem.measure > 1 else { return }
    if suffix == "ion", !stem.ends(with: "s"), !stem.ends(with: "t") { return }
    word = stem
  }

  /// Step 5.
  private static func tidy(_ word: inout Word) {
    if word.ends(with: "e") {
      let stem = word.stem(without: "e")
      if stem.measure > 1 || (stem.measure == 1 && !stem.isShort) { word = stem }
    }
    if word.ends(with: "ll"), word.stem(without: "l").measure > 1 { word.letters.removeLast() }
  }

  /// The first rule whose suffix is there decides, whether or not its condition then holds.
  private static func apply(_ rules: [(String, String)], to word: inout Word, measureAbove least: Int) {
    guard let (suffix, replacement) = rules.first(where: { word.ends(with: $0.0) }) else { return }
    if word.stem(without: suffix).measure > least { word.replaceSuffix(suffix, with: replacement) }
  }
}

/// A word as the paper looks at it: letters that are vowels or consonants.
private struct Word {
  var letters: [UInt8]

  /// True for every letter but a, e, i, o, u and a y after a consonant.
  private var consonants: [Bool] {
    var flags: [Bool] = []
    flags.reserveCapacity(letters.count)
    for letter in letters {
      switch letter {
      case UInt8(ascii: "a"), UInt8(ascii: "e"), UInt8(ascii: "i"), UInt8(ascii: "o"), UInt8(ascii: "u"):
        flags.append(false)
      case UInt8(ascii: "y"): flags.append(!(flags.last ?? false))
      default: flags.append(true)
      }
    }
    return flags
  }

  func isConsonant(at index: Int) -> Bool { consonants[index] }

  var hasVowel: Bool { consonants.contains(false) }

  /// How often a vowel is followed by a consonant: the paper's m.
  var measure: Int {
    let flags = consonants
    return zip(flags, flags.dropFirst()).reduce(0) { $0 + (!$1.0 && $1.1 ? 1 : 0) }
  }

  /// The paper's *d.
  var endsInDoubleConsonant: Bool {
    letters.count >= 2 && letters[letters.count - 1] == letters[letters.count - 2] && consonants[letters.count - 1]
  }

  /// The paper's *o (consonant, vowel, consonant other than w, x, y), and a whole word of vowel and consonant.
  var isShort: Bool {
    let flags = consonants
    let n = flags.count
    if n == 2 { return !flags[0] && flags[1] }
    return n >= 3 && flags[n - 3] && !flags[n - 2] && flags[n - 1]
      && !["w", "x", "y"].contains { ends(with: $0) }
  }

  func ends(with suffix: String) -> Bool {
    letters.count >= suffix.utf8.count && letters.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
  }

  func stem(without suffix: String) -> Word { Word(letters: Array(letters.dropLast(suffix.utf8.count))) }

  mutating func replaceSuffix(_ suffix: String, with replacement: String) {
    letters.removeLast(suffix.utf8.count)
    letters.append(contentsOf: replacement.utf8)
  }
}
