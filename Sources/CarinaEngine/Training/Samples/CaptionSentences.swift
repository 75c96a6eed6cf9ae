/// The sentences of a caption.
package enum CaptionSentences {
  /// Cuts at a full stop, question or exclamation mark followed by white space, and keeps the mark; white space is
  /// collapsed.
  package static func split(_ caption: String) -> [String] {
    var sentences: [String] = [], words: [Substring] = []
    for word in caption.split(whereSeparator: \.isWhitespace) {
      words.append(word)
      if let last = word.last, ".?!".contains(last) {
        sentences.append(words.joined(separator: " "))
        words = []
      }
    }
    if !words.isEmpty { sentences.append(words.joined(separator: " ")) }
    return sentences
  }
}
