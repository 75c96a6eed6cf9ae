import CarinaRuntime
import Foundation

/// The parts of a report that a picture can show, cleaned for training.
struct ReportText {
  /// How many reports held words that were removed to hide a person.
  private(set) var withRemovedWords = 0
  /// How many had no usable findings, no usable impression.
  private(set) var withoutFindings = 0, withoutImpression = 0
  private let policy: DeidentifiedPolicy

  init(_ policy: DeidentifiedPolicy) { self.policy = policy }

  /// What is said of an image: the findings, or where there are none the impression; nil when there is neither.
  mutating func caption(findings: String, impression: String) -> String? {
    if ReportText.hidesWords(findings) || ReportText.hidesWords(impression) { withRemovedWords += 1 }
    let (findings, impression) = (clean(findings), clean(impression))
    if findings.isEmpty { withoutFindings += 1 }
    if impression.isEmpty { withoutImpression += 1 }
    return findings.isEmpty ? (impression.isEmpty ? nil : impression) : findings
  }

  /// One line with single spaces; sentences with removed words are left out unless they are to be kept.
  func clean(_ text: String) -> String {
    let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    guard policy == .drop, ReportText.hidesWords(line) else { return line }
    return ReportText.sentences(line).filter { !ReportText.hidesWords($0) }.joined(separator: " ")
  }

  static func hidesWords(_ text: String) -> Bool { text.contains("XXXX") || text.contains("___") }

  /// Parts that end in a full stop, question or exclamation mark before a space, so that `1.5 cm` stays whole.
  static func sentences(_ line: String) -> [String] {
    var (sentences, current) = ([String](), "")
    for word in line.split(separator: " ") {
      current += current.isEmpty ? String(word) : " " + word
      guard let last = word.last, ".?!".contains(last) else { continue }
      // A number before the full stop counts a list ("1. Normal heart."), it ends no sentence.
      if word.dropLast().allSatisfy(\.isNumber) { continue }
      // A name that was removed often follows one of these; both belong to one sentence.
      if ["dr.", "drs.", "mr.", "mrs.", "ms.", "prof.", "vs."].contains(word.lowercased()) {
        continue
      }
      sentences.append(current)
      current = ""
    }
    return current.isEmpty ? sentences : sentences + [current]
  }

  /// The sections of a plain report: text after lines that start with a name in capitals and a colon.
  static func sections(_ text: String) -> [ExactText: String] {
    var (sections, name) = ([ExactText: String](), "")
    for line in text.split(omittingEmptySubsequences: false, whereSeparator: { ["\n", "\r\n", "\r"].contains($0) }) {
      let line = line.trimmingCharacters(in: .whitespaces)
      var rest = line
      if let colon = line.firstIndex(of: ":") {
        let title = line[..<colon]
        let isTitle =
          title.count >= 4 && title.contains(where: \.isLetter)
          && title.allSatisfy { $0.isUppercase || $0 == " " || $0 == "(" || $0 == ")" || $0 == "/" || $0 == "," }
        if isTitle {
          name = title.trimmingCharacters(in: .whitespaces)
          rest = String(line[line.index(after: colon)...])
        }
      }
      sections[ExactText(name), default: ""] += " " + rest
    }
    return sections.mapValues { $0.trimmingCharacters(in: .whitespaces) }
  }
}
