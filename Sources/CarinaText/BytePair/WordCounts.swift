import CarinaRuntime

/// How often each word occurs in texts, cut for learning a byte pair vocabulary.
struct WordCounts {
  private var counts: [ExactText: Int] = [:]

  /// Counts the words of texts.
  init(_ texts: [String]) {
    for text in texts {
      for word in WordCounts.words(of: text) { counts[ExactText(word), default: 0] += 1 }
    }
  }

  /// The words with their counts, in the order of their bytes.
  var sorted: [(word: String, count: Int)] {
    counts.map { (word: $0.key.text, count: $0.value) }
      .sorted { $0.word.utf8.lexicographicallyPrecedes($1.word.utf8) }
  }

  /// All scalars, the most frequent first; equally frequent ones in the order of their code points.
  var charactersByFrequency: [Unicode.Scalar] {
    var frequencies: [Unicode.Scalar: Int] = [:]
    for (word, count) in counts {
      for scalar in word.text.unicodeScalars { frequencies[scalar, default: 0] += count }
    }
    return frequencies.sorted { $0.value != $1.value ? $0.value > $1.value : $0.key.value < $1.key.value }.map(\.key)
  }

  private enum Kind { case letter, digit, space, lineBreak, other }

  /// The words of a text: a run of letters, one digit or one other sign, each with the space before it, if any.
  static func words(of text: String) -> [String] {
    var words = [String]()
    var word = String.UnicodeScalarView()
    var last = Kind.lineBreak
    func end() {
      if !word.isEmpty { words.append(String(word)) }
      word.removeAll()
    }
    for scalar in text.unicodeScalars {
      let kind = kind(of: scalar)
      // Only a space is followed by something in the same word, and letters by letters.
      if !(last == .space && kind != .space && kind != .digit) && !(last == .letter && kind == .letter) { end() }
      last = kind
      if kind != .lineBreak { word.append(kind == .space ? "▁" : scalar) }
    }
    end()
    return words
  }

  private static func kind(of scalar: Unicode.Scalar) -> Kind {
    if scalar == " " || scalar == "▁" { return .space }
    if scalar == "\n" { return .lineBreak }
    switch scalar.properties.generalCategory {
    case .decimalNumber: return .digit
    case .nonspacingMark, .spacingMark: return .letter
    default: return scalar.properties.isAlphabetic ? .letter : .other
    }
  }
}
