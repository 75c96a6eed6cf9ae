import Carina
import Foundation
import TestSupport
import Testing

/// Records as Windows, Excel and Python write them.
@Suite struct ForeignRecordsTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func path(_ bytes: some Collection<UInt8>, _ name: String = "records.json") throws -> String {
    try AtomicFile.write(Data(bytes), to: directory.file(name))
    return directory.file(name)
  }

  private func read(_ text: String, format: SampleFormat = .carina) throws -> [SampleRecord] {
    try ArchiveReader.records(path(text.utf8), format: format)
  }

  private func failure(_ text: String, format: SampleFormat = .carina) -> String {
    do {
      return "read: \(try read(text, format: format))"
    } catch {
      return "\(error)"
    }
  }

  private func gzip(_ bytes: some Collection<UInt8>, _ name: String) throws -> String {
    let plain = try path(bytes, "plain")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/gzip")
    process.arguments = ["-n", plain]
    try process.run()
    process.waitUntilExit()
    try FileManager.default.moveItem(atPath: plain + ".gz", toPath: directory.file(name))
    return directory.file(name)
  }

  @Test("a number as text has the digits that Python shows")
  func numbers() throws {
    for pair in try RecordGoldens().list("numbers") {
      let texts = try RecordGoldens.texts(pair)
      #expect(try JSONValue.parse(texts[0], source: "x").writtenText == texts[1], "\(texts)")
    }
  }

  @Test("whole numbers of any length keep their digits: two long patient numbers are two patients")
  func longNumbers() throws {
    let long = ["100000000000000000000000000000000001", "100000000000000000000000000000000002"]
    let records = try read(
      long.map { #"{"id": \#($0), "image": "a.png", "caption": \#($0), "patient": \#($0), "study": -\#($0)}"# }
        .joined(separator: "\n"))
    #expect(records.map(\.patient) == long && records.map(\.id) == long && records.map(\.answer) == long)
    #expect(records.map(\.study) == long.map { "-" + $0 })
    let value = try JSONValue.parse(long[0], source: "x")
    #expect(value == .digits(long[0]) && value.int == nil && value.double == 1e35)
    #expect(try value.serialized() == long[0] && value.kindName == "an integer")
    #expect(try JSONValue.parse(String(repeating: "9", count: 400), source: "x").double == nil)
  }

  @Test("patients that differ only in composition, or in the last of 36 digits, are told apart in shards and splits")
  func patientsApart() throws {
    let names = ["Mu\u{308}ller", "M\u{fc}ller", "\u{212b}s", "\u{c5}s"]
    let archive = try SmallArchive { list in
      for index in list.indices {
        guard var record = list[index].object else { continue }
        record["patient"] = .string(names[index % SmallArchive.images.count % 4])
        record["question_type"] = .string(names[index % 2])
        list[index] = .object(record)
      }
    }
    _ = try Preprocessor.run(archive.options())
    let shards = try ShardDirectory(archive.shards)
    #expect(shards.patients == Set(names.map(ExactText.init(_:))))
    #expect(try ShardSummary(shards).questionTypes.count == 2)
    var check = SplitCheck(
      try SplitPlan(.given, fractions: "a=1"), source: "x", spill: .temporary)
    let records = names.enumerated().map { number, name in
      SampleRecord(
        image: "\(name).png", question: "", answer: "a", id: "\(number)", patient: name,
        split: number % 2 == 0 ? "\u{e9}" : "e\u{301}")
    }
    for (number, record) in records.enumerated() {
      var record = record
      try check.assign(&record, number: number)
    }
    try check.finish { records[$0] }
  }

  @Test("two images whose names differ only in composition are two images")
  func imagesApart() throws {
    let goldens = try ImageGoldens()
    let names = ["\u{e9}.png", "e\u{301}.png"]
    for (name, image) in zip(names, ["grey8.png", "rgb8.png"]) {
      try AtomicFile.write(Data(goldens.bytes(image)), to: directory.file(name))
    }
    let records = try path(
      ("[" + names.map { #"{"image": "\#($0)", "caption": "c"}"# }.joined(separator: ",") + "]").utf8)
    let options = PreprocessOptions(
      records: records, imageRoots: [directory.path], output: directory.file("shards"),
      transform: try ImageTransform(size: 24))
    let summary = try Preprocessor.run(options)
    #expect(summary.manifest.shards.map(\.images) == [2])
    let shards = try ShardDirectory(directory.file("shards"))
    for (row, name) in names.enumerated() {
      #expect(shards.image(row).id.isExactly(name))
      let own = try options.transform.pixels(ofFileAt: directory.file(name))
      #expect(try shards.pixels(imageRow: row).collapsedIfGrey().values == own.collapsedIfGrey().values)
    }
  }

  @Test("texts are sorted and counted by code points, as Python does")
  func exactTexts() throws {
    let golden = try RecordGoldens()
    let sorted = try RecordGoldens.texts(golden.json["texts"]?["sorted"])
    let own = try RecordGoldens.texts(golden.json["texts"]?["given"]).sortedExactly()
    #expect(own.count == sorted.count && zip(own, sorted).allSatisfy { $0.isExactly($1) })
    for pair in try golden.list("distinct") {
      #expect(try Set(RecordGoldens.texts(pair[0]).map(\.exact)).count == pair[1]?.int)
    }
    #expect(JSONValue.string("\u{e9}") != .string("e\u{301}"))
  }

  @Test("a list of one image is that image, and where several cannot be it is refused for what it is")
  func imageLists() throws {
    #expect(try read(#"[{"image": ["a.png"], "caption": "c"}]"#).map(\.image) == ["a.png"])
    #expect(
      try read(#"[{"image_name": ["a.png"], "question": "q", "answer": "a"}]"#, format: .vqaRad).map(\.image)
        == ["a.png"])
    let llava = try ArchiveReader.read(
      path(
        (#"[{"image": ["a.png"], "conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}, "#
          + #"{"image": ["a.png", "b.png"], "conversations": []}, {"image": [], "conversations": []}]"#).utf8),
      format: .llava)
    #expect(llava.records.map(\.image) == ["a.png"])
    #expect(
      llava.remarks.prefix(2) == [
        "1 entries without an image are left out", "1 entries without a conversation are left out",
      ])
    for (image, reason) in [
      ("null", "is null"), ("NaN", "is NaN"), (#""""#, "is empty"), ("{}", "found an object"),
      ("true", "a truth value"),
      ("Infinity", "found Infinity"),
    ] {
      let found = failure(#"[{"image": \#(image), "caption": "c"}]"#)
      #expect(found.contains(reason) && found.contains("sample 0"), "\(image): \(found)")
    }
    for (image, reason) in [(#"["a.png", "b.png"]"#, "names 2 images"), ("[]", "is an empty list")] {
      let found = failure(#"[{"image_name": \#(image), "question": "q", "answer": "a"}]"#, format: .vqaRad)
      #expect(found.contains(reason) && found.contains("sample 0"), "\(image): \(found)")
    }
    for (turns, reason) in [("null", "is null"), ("{}", "found an object"), (#""""#, "found a text")] {
      #expect(failure(#"[{"image": "a", "conversations": \#(turns)}]"#, format: .llava).contains(reason))
    }
    #expect(failure(#"[{"image": "a"}]"#, format: .llava).contains("the key \"conversations\" is missing"))
    #expect(failure(#"[{"caption": "c"}]"#).contains("the key \"image\" is missing"))
    #expect(failure(#"[{"image": "a", "caption": null}]"#).contains("\"caption\" is null"))
    #expect(failure(#"[{"image": "a", "caption": NaN}]"#).contains("\"caption\" is NaN"))
  }

  @Test("NaN, the infinities and null say that there is no value, or are named where one is needed")
  func missingValues() throws {
    let records = try read(
      #"[{"image": "a", "caption": "c", "view": NaN, "patient": null, "age": Infinity, "x": [-Infinity, NaN]}]"#)
    #expect(records == [SampleRecord(image: "a", question: "", answer: "c", id: "0")])
    #expect(failure(#"[{"image": "a", "caption": "c", "view": Infinity}]"#).contains("found Infinity"))
    for (text, name) in [("NaN", "NaN"), ("Infinity", "Infinity"), ("-Infinity", "-Infinity")] {
      let value = try JSONValue.parse(text, source: "x")
      #expect(value.kindName == name && value.double == nil && value.int == nil && value.writtenText == nil)
      #expect(value.extendedDouble?.isFinite == false && value.isMissing == (text == "NaN"))
      #expect(throws: CarinaError.self) { try value.serialized() }
    }
    for text in ["nan", "NAN", "Inf", "-Inf", "-NaN", "Infinit", "+Infinity"] {
      #expect(throws: CarinaError.self, "\(text)") { try JSONValue.parse(text, source: "x") }
    }
  }

  @Test("a byte order mark is passed over, and an error behind it has its position")
  func marks() throws {
    let record = #"{"image": "a", "caption": "c"}"#
    for text in ["\u{FEFF}[\(record)]", "\u{FEFF}\(record)\r\n\(record)\r\n", "\u{FEFF}\r\n\(record)"] {
      #expect(try read(text).allSatisfy { $0.image == "a" && $0.answer == "c" })
    }
    #expect(failure("\u{FEFF}[\(record), x]").contains("line 1, column 34 (byte 36)"))
    #expect(failure("\u{FEFF}").contains("an empty file"))
    let whole = #expect(throws: CarinaError.self) { try JSONValue.parse("\u{FEFF}[1 2]", source: "x") }
    #expect(whole?.location == "x, line 1, column 4 (byte 6)")
  }

  @Test("other encodings and archives are refused by their names")
  func encodings() throws {
    for entry in try RecordGoldens().list("encodings") {
      let (bytes, name) = (try RecordGoldens.bytes(entry), try #require(entry["encoding"]?.string))
      let refusal = ForeignEncoding.refusal(bytes.prefix(4), source: "x")
      #expect((refusal == nil) == name.hasPrefix("utf-8"), "\(name)")
      let short = String(name.prefix(6)).uppercased()
      #expect(refusal?.found?.hasPrefix(short) ?? true, "\(name): \(refusal!)")
      guard refusal != nil, bytes.count > 4 else { continue }
      for read in [
        { _ = try ArchiveReader.records($0) }, { _ = try PredictionsFile.read($0) },
        { _ = try JSONValue.parseFile($0) },
        { _ = try QuestionsFile(path: $0, imageRoot: nil) },
        { _ = try ArchiveReader.read($0, format: .nihCXR14) },
      ] as [(String) throws -> Void] {
        let error = #expect(throws: CarinaError.self) { try read(path(bytes)) }
        #expect(error?.description.contains(short) == true && error?.kind == .badData)
      }
    }
    for (start, name) in [("PK\u{3}\u{4}", "ZIP"), ("BZh9", "bzip2")] {
      #expect(failure(start).contains(name))
    }
  }

  @Test("gzip is inflated wherever records are read, by its content and not by its name")
  func compressed() throws {
    let line = #"{"id": "1", "image": "a", "caption": "c", "prediction": "c", "reference": "c", "question": "q"}"#
    let long = Array(repeating: line, count: 3_500)
    for (name, text) in [
      ("a.json.gz", "[" + long.joined(separator: ",\n") + "]"), ("b.jsonl.gz", long.joined(separator: "\r\n")),
      ("c.json", "\u{FEFF}[\(line)]"),
    ] {
      let records = try ArchiveReader.records(gzip(text.utf8, name))
      #expect(records.count == (name == "c.json" ? 1 : 3_500) && records.allSatisfy { $0.answer == "c" })
    }
    #expect(try PredictionsFile.read(gzip(line.utf8, "p.jsonl.gz")).map(\.prediction) == ["c"])
    #expect(try QuestionsFile(path: gzip(line.utf8, "q.jsonl"), imageRoot: nil).lines.count == 1)
    let expected = try gzip(Data(#"{"metrics": {"token-f1": {"minimum": 0.5}}}"#.utf8), "e.json.gz")
    #expect(try ExpectedResults.read(expected).bounds.count == 1)
    // A name says nothing.
    #expect(try ArchiveReader.records(path(line.utf8, "plain.json.gz")).count == 1)
    let whole = try Data(contentsOf: URL(fileURLWithPath: directory.file("a.json.gz")))
    for bytes in [whole.dropLast(9), whole.prefix(3), whole.prefix(40) + Data([1, 2, 3])] {
      let error = #expect(throws: CarinaError.self) { try ArchiveReader.records(path(bytes, "cut.json.gz")) }
      #expect(error?.description.contains("no whole gzip file") == true)
    }
  }

  @Test("a gzip file that inflates beyond measure is refused before it fills the memory")
  func bomb() throws {
    let file = try TextFile(gzip(Data(repeating: 0x20, count: 8 << 20), "bomb.json.gz"), allowance: 1 << 20)
    var (buffer, total) = ([UInt8](repeating: 0, count: 1 << 18), 0)
    let error = #expect(throws: CarinaError.self) {
      while true {
        let got = try buffer.withUnsafeMutableBytes { try file.read(into: $0) }
        total += got
        if got == 0 { return }
      }
    }
    #expect(error?.kind == .badData && error?.what.contains("beyond measure") == true && total < 4 << 20)
  }

  @Test("paths with the separators of Windows are found with slashes where only that is a file, and it is said")
  func windowsPaths() throws {
    let image = Data(try ImageGoldens().bytes("grey8.png"))
    try FileManager.default.createDirectory(atPath: directory.file("a"), withIntermediateDirectories: true)
    for name in ["a/b.png", "a\\c.png", "a/c.png"] { try AtomicFile.write(image, to: directory.file(name)) }
    let records = try path(
      #"[{"image": "a\\b.png", "caption": "x"}, {"image": "a/b.png", "caption": "y"}, {"image": "a\\c.png", "caption": "z"}]"#
        .utf8)
    let summary = try Preprocessor.run(
      PreprocessOptions(
        records: records, imageRoots: [directory.path], output: directory.file("shards"),
        transform: try ImageTransform(size: 24)))
    let shards = try ShardDirectory(directory.file("shards"))
    #expect((0..<shards.imageCount).map { shards.image($0).id } == ["a/b.png", "a\\c.png"])
    #expect(
      summary.remarks.count == 1 && summary.remarks[0].hasPrefix("1 paths of images have the separators of Windows"))
    let asked = try QuestionsFile(
      path: path(#"{"image": "a\\b.png"}"#.utf8, "q.jsonl"), imageRoot: directory.path)
    #expect(try asked.lines[0].question.get().imagePaths == [directory.file("a/b.png")] && asked.windowsPaths == 1)
    try AtomicFile.write(
      #"[{"image": "a\\d.png", "caption": "x"}, {"image": "/a/d.png", "caption": "y"}, {"image": "d", "caption": "z"}]"#,
      to: records)
    let lost = #expect(throws: CarinaError.self) {
      try Preprocessor.run(
        PreprocessOptions(
          records: records, imageRoots: [directory.path], output: directory.file("lost"),
          transform: try ImageTransform(size: 24)))
    }
    #expect(lost?.what.contains("neither it nor a/d.png") == true, "\(lost!)")
  }

  @Test("tables are read as Python's csv reads them")
  func tables() throws {
    for entry in try RecordGoldens().list("tables") {
      let rows = try #require(entry["rows"]?.array).map { try RecordGoldens.texts($0) }
      for isCompressed in [false, true] {
        let bytes = try RecordGoldens.bytes(entry)
        let file = try isCompressed ? gzip(bytes, "t-\(UUID().uuidString).csv") : path(bytes, "t.csv")
        let table = try DelimitedTable(file, required: [["id"]])
        var read = [table.names]
        try table.forEach { row in read.append(table.names.map { row[$0] }) }
        #expect(read.map { $0.map(\.exact) } == rows.map { $0.map(\.exact) }, "\(rows)")
      }
    }
    let latin = try path(Data("id,patient\n1,M".utf8) + [0xFC] + Data("ller\n".utf8), "latin.csv")
    let table = try DelimitedTable(latin, required: [["id"]])
    let error = #expect(throws: CarinaError.self) { try table.forEach { _ in } }
    #expect(error?.what.contains("UTF-8") == true && error?.location?.hasSuffix("line 2") == true)
  }

  @Test("an archive's tables and lists: compressed, with a mark, with the line ends and separators of Windows")
  func archives() throws {
    _ = try gzip(
      Data(
        ("\u{FEFF}Image Index,Finding Labels,Follow-up #,Patient ID,View Position\r\n"
          + "1.png,Mass,0,100000000000000000000000000000000001,PA\r\n"
          + "2.png,Mass,0,100000000000000000000000000000000002,PA\r\n").utf8), "Data_Entry_2017.csv.gz")
    _ = try path("\u{FEFF}1.png\r\n".utf8, "train_val_list.txt")
    _ = try path("2.png\r\n".utf8, "test_list.txt")
    let nih = try ArchiveReader.read(directory.path, format: .nihCXR14, imageRoots: [directory.path])
    #expect(Set(nih.records.map(\.patient)).count == 2 && nih.records.first?.split == "train_val")
    #expect(nih.counts.contains { $0.name == "patients" && $0.found == 2 })
    _ = try gzip(
      Data(
        ("Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Edema\n"
          + "CheXpert-v1.0\\valid\\patient1\\study1\\view1_frontal.jpg,F,1,Frontal,PA,,1.0\n").utf8), "valid.csv.gz")
    let chexpert = try ArchiveReader.read(directory.path, format: .chexpert, imageRoots: [directory.path])
    #expect(chexpert.records.first?.patient == "patient1" && chexpert.records.first?.split == "valid")
    #expect(chexpert.remarks.contains { $0.contains("separators of Windows") })
    _ = try gzip(
      Data(#"[{"img_name": "a", "q_lang": "en", "question": "q", "answer": "a", "qid": 1}]"#.utf8), "test.json.gz")
    let slake = try ArchiveReader.read(directory.path, format: .slake, imageRoots: [directory.path])
    #expect(slake.records.first?.split == "test" && slake.records.first?.id == "test-1")
    _ = try path(
      "dicom_id,subject_id,study_id,ViewPosition\r\nd,10000032,5,PA\r\n".utf8, "mimic-cxr-2.0.0-metadata.csv")
    try FileManager.default.createDirectory(
      atPath: directory.file("files/p10/p10000032"), withIntermediateDirectories: true)
    let report = "\u{FEFF}FINDINGS: Clear\r\nlungs.\r\nIMPRESSION: None.\r\n"
    _ = try path(report.utf8, "files/p10/p10000032/s5.txt")
    let mimic = try ArchiveReader.read(directory.path, format: .mimicCXR, imageRoots: [directory.path])
    #expect(mimic.records.first?.answer == "Clear lungs.")
  }
}
