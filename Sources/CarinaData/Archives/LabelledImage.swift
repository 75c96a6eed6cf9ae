import CarinaRuntime
import Foundation

/// An image with the labels of its source, from which templates make samples.
struct LabelledImage {
  /// What a source says of a label.
  enum State: Sendable { case present, absent, uncertain }

  /// The record without question and answer; its id names the image.
  var base: SampleRecord
  /// Labels that the source speaks of, in its order.
  var labels: [(name: String, state: LabelledImage.State)] = []
  /// Whether the source says that there is no finding.
  var isNormal = false

  /// The samples: a caption, a question about each label that is present and about some that are absent, which findings
  /// there are, and which view it is. Nothing is said of what the source is silent about.
  func samples(_ templates: LabelTemplates, _ options: ArchiveOptions) -> [SampleRecord] {
    let resolved = labels.map { label in
      (label.name, label.state == .uncertain ? options.uncertain.resolve(label.name) : label.state)
    }
    let present = resolved.filter { $0.1 == .present }.map(\.0)
    let named = Set(present.map(\.exact))
    let absent = resolved.filter { $0.1 == .absent }.map(\.0)
    // A source that calls an image normal and yet names a finding contradicts itself; the finding counts.
    let isNormal = isNormal && present.isEmpty
    var samples: [SampleRecord] = []
    func add(_ kind: String, question: String, answer: String, type: String = "") {
      var sample = base
      sample.id = "\(base.id)/\(kind)"
      (sample.question, sample.answer, sample.answerType) = (question, answer, type)
      sample.questionType = question.isEmpty ? "" : String(kind.prefix { $0 != ":" })
      samples.append(sample)
    }
    if options.kinds != .questions, !present.isEmpty || isNormal {
      let wordings = isNormal ? templates.captionsNormal : templates.captionsPresent
      let text = pick(wordings, "caption").replacingOccurrences(of: "{findings}", with: templates.list(present))
      add("caption", question: "", answer: text)
    }
    guard options.kinds != .captions else { return samples }
    let asked = resolved.map(\.0).filter { named.contains(ExactText($0)) } + chosen(absent, templates.absentQuestions)
    for label in asked {
      let phrase = templates.phrase(label)
      let wording = pick(phrase.isPlural ? templates.pluralQuestions : templates.presenceQuestions, label)
      add(
        "presence:\(LabelTemplates.key(label))",
        question: wording.replacingOccurrences(of: "{finding}", with: phrase.text),
        answer: named.contains(ExactText(label)) ? templates.yes : templates.no, type: "CLOSED")
    }
    if !present.isEmpty || isNormal {
      add(
        "findings", question: pick(templates.findingsQuestions, "findings"),
        answer: isNormal ? templates.findingsNormal : templates.list(present), type: "OPEN")
    }
    // A sample that shows all views of a study cannot be asked which one it is.
    if options.views != .allInOne, let side = RadiographView(base.view).answer(templates) {
      add("view", question: pick(templates.viewQuestions, "view"), answer: side, type: "CLOSED")
    }
    return samples
  }

  private func pick(_ wordings: [String], _ purpose: String) -> String {
    var generator = SeededGenerator(seed: 0, stream: base.id + "\n" + purpose)
    return generator.pick(wordings)
  }

  /// So many of the labels, by a draw that depends on the image alone, in their order.
  private func chosen(_ labels: [String], _ count: Int) -> [String] {
    guard labels.count > count else { return labels }
    var generator = SeededGenerator(seed: 0, stream: base.id + "\nabsent")
    let indices = generator.permutation(labels.count).prefix(count).sorted()
    return indices.map { labels[$0] }
  }
}
