/// Text as the tokenizer of the first SigLIP models takes it: lower case, without ASCII punctuation, white space collapsed
/// and cut off at both ends (big_vision `canonicalize_text`; transformers `SiglipTokenizer.canonicalize_text`).
package enum SiglipCanonicalText {
  private static let capitalSigma: Unicode.Scalar = "\u{3a3}"

  /// The canonical form of a text, scalar by scalar as Python has it.
  /// - Parameter lowercases: false keeps capitals.
  package static func of(_ text: String, lowercases: Bool = true) -> String {
    let scalars = Array(text.unicodeScalars)
    var result = String.UnicodeScalarView(), isSpacePending = false
    for (index, scalar) in scalars.enumerated() where !isPunctuation(scalar) {
      if isWhitespace(scalar) {
        isSpacePending = true
        continue
      }
      if isSpacePending, !result.isEmpty { result.append(" ") }
      isSpacePending = false
      if !lowercases {
        result.append(scalar)
      } else if scalar == capitalSigma {
        result.append(isFinalSigma(scalars, index) ? "\u{3c2}" : "\u{3c3}")
      } else {
        result.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
      }
    }
    return String(result)
  }

  /// Python's `string.punctuation`: what ASCII has beside letters, digits and white space.
  private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x21...0x2f, 0x3a...0x40, 0x5b...0x60, 0x7b...0x7e: true
    default: false
    }
  }

  /// Python's `str.isspace`, which counts four separators of ASCII that Unicode's property leaves out.
  private static func isWhitespace(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isWhitespace || (0x1c...0x1f).contains(scalar.value)
  }

  /// Unicode's condition `Final_Sigma`: behind a cased letter, and before none.
  private static func isFinalSigma(_ scalars: [Unicode.Scalar], _ index: Int) -> Bool {
    func isCased(_ part: some Sequence<Unicode.Scalar>) -> Bool {
      part.first { !$0.properties.isCaseIgnorable }?.properties.isCased ?? false
    }
    return isCased(scalars[..<index].reversed()) && !isCased(scalars[(index + 1)...])
  }
}
