import CarinaRuntime
import Foundation

/// LLaVA's conversations (Liu et al. 2023): `id`, `image`, `conversations` of `from` (human or gpt) and `value`.
///
/// The same as other tools write it is read too: `messages` of `role` (user or assistant) and `content`, and `images`.
///
/// Each pair of a question and the answer after it becomes a sample; the mark `<image>` is taken out, as the prompt
/// style decides where the picture goes. Entries without an image or with several are left out and counted, and so are
/// questions and answers without the other: LLaVA passes over an answer with which a conversation begins.
enum ConversationAdapter {
  static func read(
    _ input: ArchiveInput, _ options: ArchiveOptions, _ emit: (SampleRecord) throws -> Void
  ) throws -> ArchiveRecords {
    var archive = ArchiveRecords()
    archive.files = [input.path]
    var (entries, withoutImage, severalImages, unanswered, unasked, withoutTurns, later) = (0, 0, 0, 0, 0, 0, 0)
    var (images, samples) = (DistinctNames(input.spill), 0)
    try SampleReader.forEach(input.path) { value, index, source in
      entries += 1
      let fields = try SampleFields(value, source: source)
      let named = try fields.images(fields.has("image") ? "image" : "images")
      guard named.count <= 1 else {
        severalImages += 1
        return
      }
      guard let image = named.first, !image.isEmpty else {
        withoutImage += 1
        return
      }
      try images.add(image)
      let turns = try fields.list(fields.has("messages") && !fields.has("conversations") ? "messages" : "conversations")
      if turns.isEmpty { withoutTurns += 1 }
      var base = SampleRecord(image: image, question: "", answer: "", id: try fields.optional("id") ?? String(index))
      base.patient = try fields.optional("patient") ?? ""
      base.split = try fields.optional("split") ?? ""
      var question: String?
      var pairs = 0
      for (number, turn) in turns.enumerated() {
        let turn = try SampleFields(turn, source: "\(source), turn \(number)")
        let hasRole = turn.has("role") && !turn.has("from")
        let text = strip(try turn.required(hasRole ? "content" : "value"))
        switch try turn.required(hasRole ? "role" : "from").lowercased() {
        case "human", "user":
          if question != nil { unanswered += 1 }
          question = text
        case "gpt", "assistant", "model":
          guard let asked = question else {
            unasked += 1
            continue
          }
          pairs += 1
          var sample = base
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
    archive.note(severalImages, "entries with several images are left out")
    archive.note(withoutTurns, "entries without a conversation are left out")
    archive.note(unasked, "answers without a question before them are left out")
    archive.note(unanswered, "questions without an answer are left out")
    archive.note(later, "samples are later turns of a conversation and stand alone here")
    return archive
  }

  private static func strip(_ text: String) -> String {
    text.replacingOccurrences(of: "<image>", with: "").trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
