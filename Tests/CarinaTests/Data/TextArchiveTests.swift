import Carina
import Foundation
import TestSupport
import Testing

/// Small imitations of archives whose annotations are questions, conversations or reports.
@Suite struct TextArchiveTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func write(_ name: String, _ text: String) throws { try AtomicFile.write(text, to: directory.file(name)) }

  private func read(
    _ format: SampleFormat, _ name: String = "", _ change: (inout ArchiveOptions) -> Void = { _ in }
  ) throws -> ReadArchive {
    var options = ArchiveOptions()
    change(&options)
    return try ArchiveReader.read(
      name.isEmpty ? directory.path : directory.file(name), format: format, imageRoots: [directory.path],
      options: options)
  }

  @Test("LLaVA: the image mark is taken out, turns become samples, what has no image or no answer is counted")
  func llava() throws {
    try write(
      "data.json",
      #"""
      [{"id": "a", "image": "1.jpg", "conversations": [
         {"from": "human", "value": "<image>\nDescribe it."}, {"from": "gpt", "value": "A chest. "},
         {"from": "human", "value": "Side?"}, {"from": "gpt", "value": 2}, {"from": "human", "value": "And?"}]},
       {"id": "b", "conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]},
       {"id": "c", "image": ["1.jpg", "2.jpg"], "conversations": []},
       {"image": "2.jpg", "conversations": [{"from": "human", "value": "What is it?\n<image>"}, {"from": "gpt", "value": "x"}]}]
      """#)
    let archive = try read(.llava, "data.json")
    #expect(
      archive.records == [
        SampleRecord(image: "1.jpg", question: "Describe it.", answer: "A chest.", id: "a"),
        SampleRecord(image: "1.jpg", question: "Side?", answer: "2", id: "a/2"),
        SampleRecord(image: "2.jpg", question: "What is it?", answer: "x", id: "3"),
      ])
    #expect(archive.counts.map(\.found) == [4, 2, 3] && archive.remarks.count == 4)
    #expect(try ArchiveReader.records(directory.file("data.json"), format: .llava) == archive.records)
    for (text, part) in [
      (#"[{"image": "a"}]"#, "conversations"),
      (#"[{"image": "a", "conversations": [{"from": "cat", "value": "x"}]}]"#, "cat"),
    ] {
      try write("data.json", text)
      let error = #expect(throws: CarinaError.self) { try read(.llava, "data.json") }
      #expect(error?.kind == .badData && error?.description.contains(part) == true, "\(text)")
    }
  }

  @Test("SLAKE: the split from the file, one language, chest radiographs alone when asked")
  func slake() throws {
    func entry(_ id: Int, _ image: Int, _ language: String, _ modality: String, _ location: String) -> String {
      #"{"img_id": \#(image), "img_name": "xmlab\#(image)/source.jpg", "question": "Q\#(id)?", "answer": "Yes", "#
        + #""q_lang": "\#(language)", "location": "\#(location)", "modality": "\#(modality)", "answer_type": "CLOSED ", "#
        + #""base_type": "vqa", "content_type": "Position", "triple": ["vhead", "_", "_"], "qid": \#(id)}"#
    }
    try write("train.json", "[\(entry(0, 1, "en", "X-Ray", "Lung")), \(entry(1, 1, "zh", "X-Ray", "Lung"))]")
    try write("test.json", "[\(entry(0, 2, "en", "MRI", "Brain"))]")
    try write("mask.json", "[]")
    try write("imgs/xmlab1/source.jpg", "pixels")
    let archive = try read(.slake)
    #expect(
      archive.records == [
        SampleRecord(
          image: "xmlab2/source.jpg", question: "Q0?", answer: "Yes", id: "test-0", split: "test", answerType: "CLOSED",
          questionType: "Position"),
        SampleRecord(
          image: "imgs/xmlab1/source.jpg", question: "Q0?", answer: "Yes", id: "train-0", split: "train",
          answerType: "CLOSED", questionType: "Position"),
      ])
    #expect(archive.counts.contains(ArchiveCount("samples", 3, published: 14_028)))
    #expect(archive.counts.contains(ArchiveCount("en train", 1, published: 4_919)))
    #expect(try read(.slake) { $0.language = "" }.records.count == 3)
    #expect(try read(.slake) { $0.chestOnly = true }.records.map(\.split) == ["train"])
    #expect(try read(.slake, "test.json").records.map(\.id) == ["test-0"])
    let nothing = #expect(throws: CarinaError.self) { try read(.slake) { $0.language = "fr" } }
    #expect(nothing?.kind == .usage)
  }

  private func report(_ id: Int, _ findings: String, _ impression: String, images: [String]) -> String {
    """
    <?xml version="1.0" encoding="utf-8"?><eCitation><uId id="CXR\(id)"/><MedlineCitation><Article><Abstract>
    <AbstractText Label="COMPARISON">None.</AbstractText><AbstractText Label="FINDINGS">\(findings)</AbstractText>
    <AbstractText Label="IMPRESSION">\(impression)</AbstractText></Abstract></Article></MedlineCitation>
    <MeSH><major>normal</major></MeSH>
    \(images.map { "<parentImage id=\"\($0)\"><caption>Xray</caption></parentImage>" }.joined())</eCitation>
    """
  }

  @Test("Open-i: findings or impression, sentences with XXXX left out, several images or none, in the order of numbers")
  func openI() throws {
    try write(
      "10.xml",
      report(10, "Heart &lt; 2 cm. Seen by XXXX today. Clear.", "Normal.", images: ["CXR10_IM-1", "CXR10_IM-2"]))
    try write("2.xml", report(2, "", "1. No disease.", images: ["CXR2_IM-1"]))
    try write("3.xml", report(3, "XXXX.", "", images: ["CXR3_IM-1"]))
    try write("4.xml", report(4, "XXXX.", "", images: []))
    try write("NLMCXR_png/CXR2_IM-1.png", "pixels")
    let archive = try read(.openI)
    #expect(
      archive.records == [
        SampleRecord(
          image: "NLMCXR_png/CXR2_IM-1.png", question: "", answer: "1. No disease.", id: "CXR2_IM-1", study: "CXR2"),
        SampleRecord(
          image: "CXR10_IM-1.png", question: "", answer: "Heart < 2 cm. Clear.", id: "CXR10_IM-1", study: "CXR10"),
        SampleRecord(
          image: "CXR10_IM-2.png", question: "", answer: "Heart < 2 cm. Clear.", id: "CXR10_IM-2", study: "CXR10"),
      ])
    let counts = Dictionary(uniqueKeysWithValues: archive.counts.map { ($0.name, $0.found) })
    #expect(counts["reports"] == 4 && counts["images"] == 4 && counts["reports without images"] == 1)
    #expect(counts["reports with removed words"] == 3 && counts["findings that repeat another's words"] == 1)
    #expect(archive.remarks.contains { $0.hasPrefix("2 reports have no usable text") })
    #expect(try read(.openI) { $0.deidentified = .keep }.records.count == 4)
    try write("5.xml", "<eCitation><uId id=\"CXR5\"/>")
    let error = #expect(throws: CarinaError.self) { try read(.openI) }
    #expect(error?.kind == .badData && error?.description.contains("5.xml") == true)
  }

  @Test("Open-i: a report with letters that are no UTF-8 is refused, one that names another encoding is read")
  func openIEncodings() throws {
    func write(_ text: String, _ byte: UInt8) throws {
      let bytes = text.utf8.map { $0 == UInt8(ascii: "~") ? byte : $0 }
      try AtomicFile.write(Data(bytes), to: "\(directory.path)/1.xml")
    }
    let text = report(1, "Fl~che.", "", images: ["CXR1_IM-1"])
    try write(text.replacing("utf-8", with: "ISO-8859-1"), 0xE8)
    #expect(try read(.openI).records.map(\.answer) == ["Flèche."])
    try write(text.replacing("utf-8", with: "windows-1252"), 0x92)
    #expect(try read(.openI).records.map(\.answer) == ["Fl’che."])
    let inName = text.replacing("<parentImage", with: "<parentIm~ge")
    for broken in [text, inName, inName.replacing("utf-8", with: "ut&-8"), inName.replacing("utf-8", with: "x-none")] {
      try write(broken, 0xFF)
      let error = #expect(throws: CarinaError.self) { try read(.openI) }
      #expect(error?.kind == .badData && error?.description.contains("UTF-8") == true)
    }
  }

  @Test(
    "VQA-RAD as published: counts beside the published ones, the known leak, chest images alone",
    .enabled(if: SharedData.has("data/vqa-rad"), "the directory shared/data/vqa-rad is not here"))
  func vqaRad() throws {
    let path = SharedData.path("data/vqa-rad/VQA_RAD Dataset Public.json")
    let archive = try ArchiveReader.read(path, format: .vqaRad)
    #expect(archive.records.count == 2248)
    // The published file asks about one image fewer than the publication counts.
    #expect(archive.counts.last == ArchiveCount("images", 314, published: 315))
    #expect(archive.remarks.contains { $0.contains("known leak") })
    var options = ArchiveOptions()
    options.chestOnly = true
    let chest = try ArchiveReader.read(path, format: .vqaRad, options: options)
    #expect(Set(chest.records.map(\.image)).count == 107)
    #expect(chest.records.filter { $0.split == "test" }.count == 174)
  }
}
