import Carina
import Foundation
import TestSupport
import Testing

/// Files as people described them in public reports that no other suite is about (docs/lab-log.md lists the reports).
@Suite struct PublicReportsTests {
  private let golden: JSONValue
  private let goldens: String
  private let directory: TemporaryDirectory
  private let pointer =
    "version https://git-lfs.github.com/spec/v1\noid sha256:\(String(repeating: "a", count: 64))\nsize 123456\n"

  init() throws {
    let url = try #require(Bundle.module.url(forResource: "Goldens/data/reports/reports", withExtension: "json"))
    golden = try JSONValue.parseFile(url.path)
    goldens = url.deletingLastPathComponent().path
    directory = try TemporaryDirectory()
  }

  private func failure(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "nothing is wrong"
    } catch {
      return "\(error)"
    }
  }

  private func read(_ format: SampleFormat, _ name: String = "") throws -> ReadArchive {
    try ArchiveReader.read(
      name.isEmpty ? directory.path : directory.file(name), format: format, imageRoots: [directory.path],
      options: ArchiveOptions())
  }

  @Test("numbers of a DICOM file that are none, or of another type: what a policy does not need does not matter to it")
  func dicomNumbers() throws {
    let words = [
      "width-zero.dcm": "a width of 0", "width-negative.dcm": "a width of -100", "width-fraction.dcm": "a width of 0.5",
      "center-comma.dcm": "no number: 2048,5", "center-words.dcm": "no number: WINDOW1",
      "center-brackets.dcm": "no number: [2048, 100]", "center-blank.dcm": "no number: 20 48",
      "function-unknown.dcm": "function LIN is not known", "table-short.dcm": "2000 values instead of 4096",
      "slope-comma.dcm": "slope is no number: 1,5",
    ]
    var (read, refused) = (0, 0)
    for (name, cases) in golden["grey"]?.object.map(Array.init) ?? [] {
      let bytes = try ImageDecoder.bytes(ofFileAt: "\(goldens)/\(name)")
      for (text, digest) in cases.object.map(Array.init) ?? [] {
        let transform = try ImageTransform(size: 24, window: PixelPolicy(text: text))
        if digest.isNull {
          let message = failure { _ = try transform.pixels(of: bytes, path: name) }
          #expect(message.contains(words[name] ?? "?"), "\(name) \(text): \(message)")
          #expect(name == "slope-comma.dcm" || message.contains("minmax, percentile:LOW,HIGH or full"))
          refused += 1
        } else {
          let pixels = try transform.pixels(of: bytes, path: name)
          #expect(ImageGoldens.digest(pixels.values) == digest.string, "\(name) \(text)")
          read += 1
        }
      }
    }
    #expect(read == 43 && refused == 13)
  }

  @Test("a picture in a format that is not read is called by its name, whatever the file's name says")
  func formats() throws {
    let names = [
      "WEBP": "WebP", "GIF": "GIF", "BMP": "BMP", "TIFF": "TIFF", "JPEG2000": "JPEG 2000", "PPM": "PGM or PPM",
    ]
    let formats = try #require(golden["formats"]?.object)
    #expect(formats.count == names.count)
    for (format, text) in formats {
      let bytes = try #require(Data(base64Encoded: text.string ?? ""))
      let message = failure { _ = try ImageDecoder.header(of: Array(bytes), path: "a.jpg") }
      #expect(message.contains("neither JPEG, PNG nor DICOM; found \(names[format] ?? "?")."), "\(message)")
      #expect(message.contains("Convert it to PNG"))
    }
    let page = failure { _ = try ImageDecoder.header(of: Array("<!DOCTYPE html><p>404".utf8), path: "a.jpg") }
    #expect(page.contains("found a web page"))
    let unknown = failure { _ = try ImageDecoder.header(of: Array("hello".utf8), path: "a.jpg") }
    #expect(unknown.hasSuffix("neither JPEG, PNG nor DICOM."))
  }

  @Test("a pointer of Git LFS in the place of a file is called that, wherever a file is read")
  func pointers() throws {
    for name in ["a.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "train.csv"] {
      try AtomicFile.write(pointer, to: directory.file(name))
    }
    let path = directory.path
    let messages = [
      failure { _ = try ArchiveReader.records(directory.file("a.json"), format: .carina) },
      failure { _ = try JSONValue.parseFile(directory.file("a.json")) },
      failure { _ = try SafetensorsFile(path: directory.file("model.safetensors")) },
      failure { _ = try TokenizerFactory.load(directory: path) },
      failure { _ = try read(.chexpert, "train.csv") },
      failure { _ = try ImageDecoder.header(of: Array(pointer.utf8), path: "a.png") },
      failure { _ = try QuestionsFile(Data(pointer.utf8), source: "questions", imageRoot: nil) },
    ]
    for (index, message) in messages.enumerated() {
      #expect(message.contains("is a pointer of Git LFS") && message.contains("git lfs pull"), "\(index): \(message)")
    }
    try FileManager.default.removeItem(atPath: directory.file("tokenizer_config.json"))
    #expect(
      failure { _ = try TokenizerFactory.load(directory: path) }.contains("tokenizer.json: is a pointer of Git LFS"))
    // What begins like one and is none: a table whose first column is called so.
    try AtomicFile.write("version https,a\n1,2\n", to: directory.file("table.csv"))
    #expect(try DelimitedTable(directory.file("table.csv"), required: [["a"]]).names == ["version https", "a"])
    try AtomicFile.write("vers,b\n1,2\n", to: directory.file("table.csv"))
    #expect(try DelimitedTable(directory.file("table.csv"), required: [["b"]]).names == ["vers", "b"])
  }

  @Test("what macOS lays beside an archive's files is none of them")
  func companions() throws {
    let report = """
      <eCitation><uId id="CXR1"/><AbstractText Label="FINDINGS">Clear.</AbstractText><parentImage id="CXR1_1"/></eCitation>
      """
    try AtomicFile.write(report, to: directory.file("1.xml"))
    let companion = Data(
      [0, 5, 0x16, 7, 0, 2, 0, 0] + Array("Mac OS X        ".utf8) + Array(repeating: 0xB0, count: 50))
    try AtomicFile.write(companion, to: directory.file("._1.xml"))
    #expect(try read(.openI).records.map(\.id) == ["CXR1_1"])
  }

  private func conversation(_ turns: [String], _ keys: (String, String, String, String)) throws -> String {
    let list = turns.map { turn -> JSONValue in
      let colon = turn.firstIndex(of: ":") ?? turn.endIndex
      let (speaker, words) = (String(turn[..<colon]), String(turn[colon...].dropFirst(2)))
      return [keys.2: .string(speaker), keys.3: .string(words)]
    }
    return try JSONValue.array([["id": "1", keys.0: ["a.png"], keys.1: .array(list)]]).serialized()
  }

  @Test("conversations: an answer without a question is left out and counted, and the form of messages is read too")
  func conversations() throws {
    let cases = golden["conversations"]?.array ?? []
    #expect(cases.count == 5)
    for (index, entry) in cases.enumerated() {
      let turns = entry["turns"]?.array?.compactMap(\.string) ?? []
      let pairs = entry["pairs"]?.array?.map { $0.array?.compactMap(\.string) ?? [] } ?? []
      for keys in [
        ("image", "conversations", "from", "value"), ("images", "messages", "role", "content"),
        ("image", "conversations", "role", "content"),
      ] {
        try AtomicFile.write(try conversation(turns, keys), to: directory.file("data.json"))
        let archive = try read(.llava, "data.json")
        #expect(archive.records.map { [$0.question, $0.answer] } == pairs, "\(index) \(keys)")
        let unasked = turns.first?.hasPrefix("gpt") == true || index == 1 || index == 4
        #expect(archive.remarks.contains("1 answers without a question before them are left out") == unasked)
      }
    }
    try AtomicFile.write(
      try conversation(["cat: Miau."], ("images", "messages", "role", "content")), to: directory.file("b"))
    #expect(
      failure { _ = try read(.llava, "b") }.contains("\"role\" names an unknown speaker; expected user or assistant"))
    try AtomicFile.write(#"[{"image": "a", "conversations": []}]"#, to: directory.file("c"))
    #expect(failure { _ = try read(.llava, "c") }.contains("found 1 entries without a conversation are left out"))
  }

  @Test("an object over several lines is no JSON Lines, and said to be what it is")
  func severalLines() throws {
    for text in [
      "{\n \"data\": [\n  {\"image\": \"a\", \"caption\": \"b\"}\n ]\n}\n", "{ \"data\": [\n{}]}",
      "{\"image\": \"a\",\r\n\"caption\": \"b\"}\r\n",
    ] {
      try AtomicFile.write(text, to: directory.file("a.json"))
      let message = failure { _ = try ArchiveReader.records(directory.file("a.json"), format: .carina) }
      #expect(
        message.contains("an object that goes over several lines") && message.contains("save that list"), "\(message)")
    }
    // What is broken otherwise keeps its position.
    try AtomicFile.write("{\"image\" \"a\"}\n", to: directory.file("a.json"))
    let message = failure { _ = try ArchiveReader.records(directory.file("a.json"), format: .carina) }
    #expect(message.contains("column 10"), "\(message)")
  }
}
