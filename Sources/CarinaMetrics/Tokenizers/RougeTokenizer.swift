/// The tokenizer of Google's `rouge_score`: lower case, runs of ASCII letters and digits, stemmed or not.
package enum RougeTokenizer {
  package static func tokens(_ text: String, stemmed: Bool) -> [String] {
    text.lowercased().utf8
      .split { !((97...122).contains($0) || (48...57).contains($0)) }
      .map {
        let word = String(decoding: $0, as: UTF8.self)
        return stemmed && $0.count > 3 ? PorterStemmer.stem(word) : word
      }
  }
}
