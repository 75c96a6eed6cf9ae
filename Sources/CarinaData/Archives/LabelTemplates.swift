import CarinaRuntime
import Foundation

/// The wordings by which labels become captions, questions and answers: a data file, so that they change without code.
///
/// `{finding}` stands for one label's phrase, `{findings}` for all present ones. Of several wordings a digest of the
/// image's name picks one, so the same image always gets the same.
package struct LabelTemplates: Sendable {
  struct Phrase: Sendable {
    let text: String
    let isPlural: Bool
  }

  let phrases: [ExactText: Phrase]
  let and: String
  let captionsPresent: [String], captionsNormal: [String]
  let presenceQuestions: [String], pluralQuestions: [String]
  let yes: String, no: String
  /// How many labels that are absent are asked about, an image.
  let absentQuestions: Int
  let findingsQuestions: [String]
  let findingsNormal: String
  let viewQuestions: [String]
  let frontal: String, lateral: String

  /// The wordings that come with the engine, or those of a file.
  /// - Throws: `CarinaError.missingInput`, or `.badData` naming the key that is missing or unusable.
  package init(file: String? = nil) throws {
    let source = file ?? "the built-in label templates"
    let document =
      try file.map(JSONValue.parseFile)
      ?? JSONValue.parse(Data(PackageResources.label_templates_json), source: source)
    func unusable(_ key: String) -> CarinaError {
      CarinaError(
        .badData, "\"\(key)\" is missing or unusable", at: source,
        remedy: "The form is in docs/preprocess.md, section Templates.")
    }
    func text(_ group: String?, _ key: String) throws -> String {
      let value = group.map { document[$0]?[key] } ?? document[key]
      guard let text = value?.string, !text.isEmpty else { throw unusable(group.map { "\($0).\(key)" } ?? key) }
      return text
    }
    func texts(_ group: String, _ key: String) throws -> [String] {
      let list = document[group]?[key]?.array?.compactMap(\.string) ?? []
      guard !list.isEmpty, list.count == document[group]?[key]?.array?.count else { throw unusable("\(group).\(key)") }
      return list
    }
    guard document["format"]?.string == "carina-label-templates", document["version"]?.int == 1 else {
      throw unusable("format")
    }
    var phrases: [ExactText: Phrase] = [:]
    guard let labels = document["labels"]?.object else { throw unusable("labels") }
    for (label, value) in labels {
      guard let phrase = value["phrase"]?.string, !phrase.isEmpty else { throw unusable("labels.\(label).phrase") }
      phrases[ExactText(LabelTemplates.key(label))] = Phrase(text: phrase, isPlural: value["plural"]?.bool ?? false)
    }
    self.phrases = phrases
    and = try text(nil, "and")
    captionsPresent = try texts("caption", "present")
    captionsNormal = try texts("caption", "normal")
    presenceQuestions = try texts("presence", "questions")
    pluralQuestions = try texts("presence", "plural_questions")
    yes = try text("presence", "present")
    no = try text("presence", "absent")
    guard let absent = document["presence"]?["absent_questions"]?.int, absent >= 0 else {
      throw unusable("presence.absent_questions")
    }
    absentQuestions = absent
    findingsQuestions = try texts("findings", "questions")
    findingsNormal = try text("findings", "normal")
    viewQuestions = try texts("view", "questions")
    frontal = try text("view", "frontal")
    lateral = try text("view", "lateral")
  }

  /// One spelling of a label: lower case, spaces for underscores.
  static func key(_ label: String) -> String {
    label.lowercased().replacingOccurrences(of: "_", with: " ").trimmingCharacters(in: .whitespaces)
  }

  /// What a label is called in a sentence; one without an entry keeps its own name in lower case.
  func phrase(_ label: String) -> Phrase {
    phrases[ExactText(LabelTemplates.key(label))] ?? Phrase(text: LabelTemplates.key(label), isPlural: false)
  }

  /// `a, b and c`.
  func list(_ labels: [String]) -> String {
    let texts = labels.map { phrase($0).text }
    guard texts.count > 1, let last = texts.last else { return texts.first ?? "" }
    return texts.dropLast().joined(separator: ", ") + " \(and) " + last
  }
}
