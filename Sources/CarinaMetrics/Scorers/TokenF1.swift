import Foundation

/// `token-f1`: the F1 of the multisets of words, as SQuAD's evaluation computes it (Rajpurkar et al. 2016); the largest
/// over the references, mean over answers. In 0…1.
///
/// Normalisation: lower case; ASCII punctuation removed without a space; the words `a`, `an`, `the` removed; cut at
/// white space. A side without words scores 1 against another such side and 0 otherwise (SQuAD 2's rule).
package enum TokenF1 {
  static let family = MeanMetric(
    name: "token-f1", signature: "norm:squad(lower,punctuation,articles)|refs:max|mean:samples"
  ) { answer, cache in
    func tokens(_ text: String) -> [Int32] { cache.tokens(text, "squad", words) }
    let prediction = tokens(answer.prediction)
    return answer.references.map { f1(prediction, tokens($0)) }.max() ?? 0
  }

  private static func f1(_ prediction: [Int32], _ reference: [Int32]) -> Double {
    if prediction.isEmpty || reference.isEmpty { return prediction.isEmpty == reference.isEmpty ? 1 : 0 }
    let common = NgramCounts(prediction, length: 1).overlap(NgramCounts(reference, length: 1))
    guard common > 0 else { return 0 }
    let precision = Double(common) / Double(prediction.count)
    let recall = Double(common) / Double(reference.count)
    return 2 * precision * recall / (precision + recall)
  }

  /// The words that are compared.
  package static func words(_ text: String) -> [String] {
    var result = String.UnicodeScalarView()
    var word = String.UnicodeScalarView()
    func endWord() {
      guard !word.isEmpty else { return }
      // One by one: `append(contentsOf:)` of the standard library copies all that was there.
      if ["a", "an", "the"].contains(String(word)) { result.append(" ") } else { word.forEach { result.append($0) } }
      word = .init()
    }
    for scalar in text.lowercased().unicodeScalars where !isPunctuation(scalar) {
      if isWordCharacter(scalar) {
        word.append(scalar)
      } else {
        endWord()
        result.append(scalar)
      }
    }
    endWord()
    return PythonText.words(String(result))
  }

  private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 33...47, 58...64, 91...96, 123...126: true
    default: false
    }
  }

  private static func isWordCharacter(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
      .letterNumber, .otherNumber:
      true
    default: false
    }
  }
}
