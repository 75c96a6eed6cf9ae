import CarinaRuntime

/// The stage 1 and stage 2 records of scenes, as JSON lists with one record a line.
enum PhantomRecords {
  /// A JSON list as text, and how many records it has.
  struct List {
    let text: String
    let count: Int
  }

  /// One caption for each scene.
  static func captions(_ scenes: [PhantomScene], split: String) throws -> List {
    try list(
      scenes.map { scene in
        [
          "image": .string(imagePath(scene)), "caption": .string(PhantomText.caption(scene)), "id": .string(scene.name),
          "patient": .string(scene.patient), "study": .string("s\(scene.study)"), "view": .string(scene.view.rawValue),
          "split": .string(split),
        ]
      })
  }

  /// Some six questions for each scene, balanced over the split; with `reports` also the request for the caption.
  static func questions(_ scenes: [PhantomScene], split: String, reports: Bool) throws -> List {
    var ledger = PhantomQuestionLedger()
    return try list(
      scenes.flatMap { scene in
        var records = ledger.choose(scene).enumerated().map { number, question in
          record(
            scene, "q\(number + 1)", question.text, question.answer, question.kind.answerType, question.kind.rawValue,
            split)
        }
        if reports {
          records.append(
            record(scene, "report", PhantomText.reportRequest, PhantomText.caption(scene), "REPORT", "report", split))
        }
        return records
      })
  }

  /// Where the image of a scene lies in the archive.
  static func imagePath(_ scene: PhantomScene) -> String { "images/\(scene.name).png" }

  private static func record(
    _ scene: PhantomScene, _ suffix: String, _ problem: String, _ answer: String, _ type: String, _ kind: String,
    _ split: String
  ) -> JSONValue {
    [
      "image": .string(imagePath(scene)), "problem": .string(problem), "normal_caption": .string(answer),
      "id": .string("\(scene.name)-\(suffix)"), "patient": .string(scene.patient),
      "study": .string("s\(scene.study)"), "view": .string(scene.view.rawValue), "answer_type": .string(type),
      "question_type": .string(kind), "split": .string(split),
    ]
  }

  private static func list(_ records: [JSONValue]) throws -> List {
    guard !records.isEmpty else { return List(text: "[]\n", count: 0) }
    let lines = try records.map { try $0.serialized() }
    return List(text: "[\n" + lines.joined(separator: ",\n") + "\n]\n", count: records.count)
  }
}
