import Carina
import Foundation
import TestSupport
import Testing

@Suite struct InspectionTests {
  @Test("a contact sheet has every image where it belongs, larger or smaller, with its caption below")
  func sheet() throws {
    var sheet = ContactSheet(columns: 2, side: 16)
    for (value, size) in [(40, 16), (90, 8), (200, 64)] {
      let pixels = ImagePixels(
        values: [UInt8](repeating: UInt8(value), count: size * size), size: size, channels: 1)
      sheet.add(.init(pixels, lines: value == 200 ? [] : ["a", "i"]))
    }
    let directory = try TemporaryDirectory()
    try AtomicFile.write(try sheet.png(), to: directory.file("sheet.png"))
    // Two columns of 16 and three gaps of 8; two rows of 16 and two lines of 10, and three gaps.
    let (width, height) = (56, 96)
    let file = try Data(contentsOf: URL(fileURLWithPath: directory.file("sheet.png")))
    func number(_ offset: Int) -> Int { file[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) } }
    #expect(number(16) == width && number(20) == height)
    let read = try ImageDecoder.decode8([UInt8](file), path: "sheet.png")
    func value(_ x: Int, _ y: Int) -> UInt8 { read.values[(y * width + x) * read.channels] }
    #expect(value(8, 8) == 40 && value(23, 23) == 40 && value(7, 8) == 24)
    #expect(value(32, 8) == 90 && value(47, 23) == 90)
    #expect(value(8, 52) == 200 && value(23, 67) == 200 && value(32, 52) == 24)
    // The letter A: its top row is three pixels wide, in the middle of five.
    #expect((0..<5).map { value(8 + $0, 27) > 100 } == [false, true, true, true, false])
    #expect(read.channels == 1)
    // Nothing is written below an image without a caption.
    #expect((72..<96).allSatisfy { value(10, $0) == 24 })
  }

  @Test("a sheet with an image in colour keeps its colours, and grey beside it stays grey")
  func colour() throws {
    var sheet = ContactSheet(columns: 2, side: 16)
    let red = (0..<32 * 32).flatMap { $0 % 2 == 0 ? [200, 10, 31] : [100, 30, 31] as [UInt8] }
    sheet.add(.init(ImagePixels(values: red, size: 32, channels: 3), lines: ["A"]))
    sheet.add(.init(ImagePixels(values: [UInt8](repeating: 90, count: 64), size: 8, channels: 1), lines: []))
    let read = try ImageDecoder.decode8([UInt8](try sheet.png()), path: "sheet.png")
    #expect(read.channels == 3)
    func colour(_ x: Int, _ y: Int) -> [UInt8] { Array(read.values[(y * 56 + x) * 3..<(y * 56 + x) * 3 + 3]) }
    #expect(colour(8, 8) == [150, 20, 31] && colour(23, 23) == [150, 20, 31])
    #expect(colour(32, 8) == [90, 90, 90] && colour(47, 23) == [90, 90, 90] && colour(0, 0) == [24, 24, 24])
    let stored = ImagePixels(values: red, size: 32, channels: 3)
    #expect(try ImageDecoder.decode8([UInt8](try PNGEncoder.encode(stored)), path: "a.png").values == red)
  }

  @Test("remarks are counted and named on the page, the first of each kind, whatever stands in the names")
  func remarks() throws {
    let archive = try SmallArchive()
    _ = try Preprocessor.run(try archive.options())
    let manifest = archive.shards + "/manifest.json"
    let original = try String(contentsOfFile: manifest, encoding: .utf8)
    func page(inversions: Int, orientations: Int) throws -> String {
      let text =
        original
        .replacingOccurrences(
          of: "_inversions\": [0-9]+", with: "_inversions\": \(inversions)", options: .regularExpression
        )
        .replacingOccurrences(
          of: "_tags\": [0-9]+", with: "_tags\": \(orientations)", options: .regularExpression)
      try AtomicFile.write(text, to: manifest)
      return try InspectionPage([ShardDirectory(archive.shards)]).html(gnuplot: Gnuplot(searchPath: ""))
    }
    #expect(try page(inversions: 0, orientations: 0).contains("No image looks inverted"))
    var lines = (0..<10).map {
      "{\"path\": \"films/<\($0)>.png\", \"suspected_inversion\": \(20 + $0), \"orientation\": null}"
    }
    lines.append("{\"path\": \"turned.jpg\", \"suspected_inversion\": null, \"orientation\": 6}")
    try AtomicFile.write(lines.joined(separator: "\n") + "\n", to: archive.shards + "/remarks.jsonl")
    let html = try page(inversions: 10, orientations: 1)
    #expect(html.contains("films/&lt;7&gt;.png: upper corners brighter than the centre by 27"))
    #expect(!html.contains("films/&lt;8&gt;.png") && html.contains("and 2 more in remarks.jsonl"))
    #expect(html.contains("turned.jpg: 6") && html.contains("Exif orientation tags"))
    try FileManager.default.removeItem(atPath: archive.shards + "/remarks.jsonl")
    #expect(throws: CarinaError.self) { try page(inversions: 10, orientations: 1) }
  }

  @Test("the page has the images, the counts, and how many texts exceed the limits")
  func page() throws {
    let archive = try SmallArchive()
    _ = try Preprocessor.run(try archive.options { $0.split = "train" })
    let shards = try ShardDirectory(archive.shards)
    var options = InspectionPage.Options()
    let tokenizer = try TextGolden("trained").tokenizer
    options.tokenizer = tokenizer
    let answers = (0..<24).map { tokenizer.encode(shards.sample($0).answer).count }
    options.maximumAnswerTokens = answers.sorted()[12]
    let longer = answers.count { $0 > options.maximumAnswerTokens }
    options.maximumQuestionTokens = 1
    options.images = 4
    let html = try InspectionPage([shards], options: options).html()
    #expect(html.components(separatedBy: "data:image/png;base64,").count == 5)
    for part in [
      "12 images with 24 samples", ">OPEN<", "16", "\(longer) of 24 above max_a_len \(options.maximumAnswerTokens)",
      "24 of 24 above max_q_len 1",
      "grey8.png", "PA, patient p0", "Question 0?", "Antwort 0 – ä",
    ] { #expect(html.contains(part), "\(part)") }
    #expect(!html.contains("http://") || html.contains("http://www.w3.org"))
    let two = try InspectionPage([shards, shards]).html(gnuplot: Gnuplot(searchPath: ""))
    #expect(two.contains("Images: train") && two.contains("gnuplot is not installed"))
    #expect(throws: CarinaError.self) { try InspectionPage([]) }
  }
}
