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
    let root = JSONNode(
      try file.map(JSONValue.parseFile) ?? .parse(Data(PackageResources.label_templates_json), source: source),
      source: source, remedy: "The form is in docs/preprocess.md, section Templates.")
    func text(_ node: JSONNode) throws -> String {
      try node.read("a text that is not empty") { $0.string.flatMap { $0.isEmpty ? nil : $0 } }
    }
    func texts(_ node: JSONNode) throws -> [String] {
      let list = try node.elements().map { try $0.text() }
      guard !list.isEmpty else { throw node.failure("at least one text") }
      return list
    }
    guard try root["format"].text() == "carina-label-templates" else {
      throw root["format"].failure("\"carina-label-templates\"")
    }
    guard try root["version"].count() == 1 else { throw root["version"].failure("1") }
    var phrases: [ExactText: Phrase] = [:]
    for label in try root["labels"].object().keys {
      let entry = root["labels"][label]
      phrases[ExactText(LabelTemplates.key(label))] = Phrase(
        text: try text(entry["phrase"]), isPlural: try entry["plural"].optional?.flag() ?? false)
    }
    self.phrases = phrases
    and = try text(root["and"])
    let caption = root["caption"], presence = root["presence"], findings = root["findings"], view = root["view"]
    captionsPresent = try texts(caption["present"])
    captionsNormal = try texts(caption["normal"])
    presenceQuestions = try texts(presence["questions"])
    pluralQuestions = try texts(presence["plural_questions"])
    yes = try text(presence["present"])
    no = try text(presence["absent"])
    absentQuestions = try presence["absent_questions"].count()
    findingsQuestions = try texts(findings["questions"])
    findingsNormal = try text(findings["normal"])
    viewQuestions = try texts(view["questions"])
    frontal = try text(view["frontal"])
    lateral = try text(view["lateral"])
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
