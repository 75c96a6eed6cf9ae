import CarinaRuntime
import Foundation

/// LLaVA's conversations (Liu et al. 2023): `id`, `image`, `conversations` of `from` (human or gpt) and `value`.
///
/// The same as other tools write it is read too: `messages` of `role` (user or assistant) and `content`, and `images`.
///
/// Each pair of a question and the answer after it becomes a sample; the marks `<image>` are taken out, as the prompt
/// style decides where the pictures go. Marks have to be as many as images, where there are any. Of several images a
/// sample has those that were marked up to its question. Entries without an image are left out and counted, and so are
/// questions and answers without the other: LLaVA passes over an answer with which a conversation begins.
enum ConversationAdapter {
  static func read(
    _ input: ArchiveInput, _ options: ArchiveOptions, _ emit: (SampleRecord) throws -> Void
  ) throws -> ArchiveRecords {
    var archive = ArchiveRecords()
    archive.files = [input.path]
    var (entries, withoutImage, unanswered, unasked, withoutTurns, later) = (0, 0, 0, 0, 0, 0)
    var (images, samples) = (DistinctNames(input.spill), 0)
    try SampleReader.forEach(input.path) { value, index, source in
      entries += 1
      let fields = try SampleFields(value, source: source)
      guard let named = try imageList(fields) else {
        withoutImage += 1
        return
      }
      for image in named.paths { try images.add(image) }
      let turns = try fields.list(fields.has("messages") && !fields.has("conversations") ? "messages" : "conversations")
      if turns.isEmpty { withoutTurns += 1 }
      var base = SampleRecord(image: "", question: "", answer: "", id: try fields.optional("id") ?? String(index))
      base.take(named)
      let marks = try turns.enumerated().reduce(0) { $0 + (try self.marks($1.element, "\(source), turn \($1.offset)")) }
      if base.refusal.isEmpty { base.refusal = ImageMarks.mismatch(marks, images: base.images.count) ?? "" }
      var marked = 0
      base.patient = try fields.optional("patient") ?? ""
      base.split = try fields.optional("split") ?? ""
      var question: String?
      var pairs = 0
      for (number, turn) in turns.enumerated() {
        let turn = try SampleFields(turn, source: "\(source), turn \(number)")
        let hasRole = turn.has("role") && !turn.has("from")
        let raw = try turn.required(hasRole ? "content" : "value"), text = strip(raw)
        switch try turn.required(hasRole ? "role" : "from").lowercased() {
        case "human", "user":
          if question != nil { unanswered += 1 }
          question = text
          marked += ImageMarks.count(in: raw)
        case "gpt", "assistant", "model":
          guard let asked = question else {
            unasked += 1
            continue
          }
          pairs += 1
          var sample = base
          if marks > 0, base.refusal.isEmpty { sample.further = Array(base.further.prefix(max(0, marked - 1))) }
          if marked == 0, marks > 1, base.refusal.isEmpty { sample.refusal = "stands before the first of the images" }
          if pairs > 1 { sample.id += "/\(pairs)" }
          (sample.question, sample.answer) = (asked, text)
          samples += 1
          try emit(sample)
          question = nil
        case "system": continue
        case let other:
          throw CarinaError(
            .badData, "\"\(hasRole ? "role" : "from")\" names an unknown speaker", at: turn.source,
            expected: hasRole ? "user or assistant" : "human or gpt", found: other)
        }
      }
      if question != nil { unanswered += 1 }
      later += max(0, pairs - 1)
    }
    archive.counts = [
      ArchiveCount("entries", entries), ArchiveCount("images", try images.count()),
      ArchiveCount("samples", samples),
    ]
    archive.note(withoutImage, "entries without an image are left out")
    archive.note(withoutTurns, "entries without a conversation are left out")
    archive.note(unasked, "answers without a question before them are left out")
    archive.note(unanswered, "questions without an answer are left out")
    archive.note(later, "samples are later turns of a conversation and stand alone here")
    return archive
  }

  /// The images of an entry; nil where it names none.
  private static func imageList(_ fields: SampleFields) throws -> ImageList? {
    let key = fields.has("image") ? "image" : "images"
    guard case .array(let list)? = fields.object[key] else {
      guard let path = try fields.optional(key), !path.isEmpty else { return nil }
      return ImageList(path)
    }
    return list.isEmpty ? nil : ImageList(list, key: key)
  }

  /// The marks of images in a turn of the asker.
  private static func marks(_ turn: JSONValue, _ location: String) throws -> Int {
    let turn = try SampleFields(turn, source: location), hasRole = turn.has("role") && !turn.has("from")
    guard ["human", "user"].contains(try turn.optional(hasRole ? "role" : "from")?.lowercased()) else { return 0 }
    return ImageMarks.count(in: try turn.optional(hasRole ? "content" : "value") ?? "")
  }

  private static func strip(_ text: String) -> String {
    text.replacingOccurrences(of: "<image>", with: "").trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
