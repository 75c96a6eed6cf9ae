import Carina
import Foundation
import TestSupport
import Testing

@Suite struct SampleReaderTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func read(_ text: String, format: SampleFormat = .carina) throws -> [SampleRecord] {
    let path = directory.file("records.json")
    try AtomicFile.write(text, to: path)
    return try ArchiveReader.records(path, format: format)
  }

  @Test("captions and questions, as a list and as JSON Lines, with optional keys carried and unknown ones ignored")
  func forms() throws {
    let caption = #"{"image": "a/1.png", "caption": " Normal chest. ", "patient": "p1", "split": "val", "extra": [1]}"#
    let question =
      #"{"id": 7, "image": "2.jpg", "problem": "Side?", "normal_caption": "left", "answer_type": "OPEN ", "#
      + #""question_type": "POS", "study": "s", "view": "PA", "caption": null}"#
    let expected = [
      SampleRecord(image: "a/1.png", question: "", answer: "Normal chest.", id: "0", patient: "p1", split: "val"),
      SampleRecord(
        image: "2.jpg", question: "Side?", answer: "left", id: "7", study: "s", view: "PA", answerType: "OPEN",
        questionType: "POS"),
    ]
    #expect(try read("[\(caption),\n\(question)]") == expected)
    #expect(try read("\n\(caption)\n\n  \(question)\r\n") == expected)
  }

  @Test("numbers as answers become text")
  func numbers() throws {
    let records = try read(
      #"[{"image": "a", "problem": "How many?", "normal_caption": 2}, {"image": "a", "problem": "Size?", "normal_caption": 1.5}]"#
    )
    #expect(records.map(\.answer) == ["2", "1.5"])
  }

  @Test("a repeated id is numbered, so that ids name one sample")
  func repeatedIds() throws {
    let records = try read(
      "[" + ["x", "x", "x#2", "x"].map { #"{"id": "\#($0)", "image": "a", "caption": "c"}"# }.joined(separator: ",")
        + "]")
    #expect(Set(records.map(\.id)).count == 4)
    #expect(records.map(\.id).prefix(2) == ["x", "x#2"])
  }

  @Test("what cannot be used is refused with the file, the sample and the key")
  func errors() throws {
    for (text, parts) in [
      (#"{"image": "a", "caption": "b"}, {"#, ["line 1"]),
      (#"[{"image": "a", "caption": "b"}, 3]"#, ["sample 1", "integer"]),
      (#"[{"image": "a", "caption": "b"}, {"image": "a"}]"#, ["sample 1", "\"caption\""]),
      (#"[{"caption": "b"}]"#, ["sample 0", "\"image\""]),
      (#"[{"image": "", "caption": "b"}]"#, ["sample 0", "\"image\""]),
      (#"[{"image": "a", "problem": "b"}]"#, ["sample 0", "\"normal_caption\""]),
      (#"[{"image": "a", "normal_caption": "b"}]"#, ["sample 0", "\"problem\""]),
      (#"[{"image": "a", "problem": "b", "normal_caption": ["c"]}]"#, ["sample 0", "\"normal_caption\"", "list"]),
      (#"[{"image": 3.5, "caption": true}]"#, ["sample 0", "\"caption\"", "truth value"]),
      ("\"text\"", ["list"]), ("", ["empty"]), ("[]", ["empty list"]), ("  \n ", ["empty"]),
      ("[{\"image\"", ["records.json"]),
      (#"{"image": "a", "caption": "b"}"# + "\n" + #"{"image": "a"}"#, ["line 2", "sample 1", "caption"]),
    ] {
      let error = #expect(throws: CarinaError.self, "\(text)") { try read(text) }
      #expect(error?.kind == .badData, "\(text)")
      for part in parts + ["records.json"] { #expect(error?.description.contains(part) == true, "\(text): \(error!)") }
    }
    let missing = #expect(throws: CarinaError.self) { try ArchiveReader.records(directory.file("none.json")) }
    #expect(missing?.kind == .missingInput)
    #expect(throws: CarinaError.self) { try ArchiveReader.records(directory.path) }
  }

  @Test("a small imitation of VQA-RAD: numbers, stray spaces, splits from the phrase type")
  func vqaRad() throws {
    let records = try read(
      #"[{"qid": "0", "phrase_type": "freeform", "image_name": "synpic1.jpg", "image_organ": "CHEST", "question": "Normal? ", "#
        + #""answer": "No", "answer_type": "CLOSED ", "question_type": "ABN", "image_case_url": "https://x/case?id=7"}, "#
        + #"{"qid": 1, "phrase_type": "test_para", "image_name": "synpic2.jpg", "question": "Rib?", "answer": 5, "answer_type": "OPEN"}]"#,
      format: .vqaRad)
    #expect(
      records == [
        SampleRecord(
          image: "synpic1.jpg", question: "Normal?", answer: "No", id: "0", split: "train", answerType: "CLOSED",
          questionType: "ABN"),
        SampleRecord(image: "synpic2.jpg", question: "Rib?", answer: "5", id: "1", split: "test", answerType: "OPEN"),
      ])
    let error = #expect(throws: CarinaError.self) { try read(#"[{"image": "a", "caption": "b"}]"#, format: .vqaRad) }
    #expect(error?.description.contains("image_name") == true)
  }

  @Test(
    "VQA-RAD as published has its published counts",
    .enabled(if: SharedData.has("data/vqa-rad"), "the directory shared/data/vqa-rad is not here"))
  func vqaRadReal() throws {
    let records = try ArchiveReader.records(
      SharedData.path("data/vqa-rad/VQA_RAD Dataset Public.json"), format: .vqaRad)
    #expect(records.count == 2248)
    #expect(records.filter { $0.split == "test" }.count == 451)
    #expect(Set(records.map(\.answerType)) == ["CLOSED", "OPEN"])
  }
}
