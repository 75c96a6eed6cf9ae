import Carina
import Foundation
import TestSupport
import Testing

@Suite struct InspectionTests {
  @Test("a contact sheet has every image at its place, larger or smaller, with its caption below")
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
    func number(_ place: Int) -> Int { file[place..<place + 4].reduce(0) { $0 << 8 | Int($1) } }
    #expect(number(16) == width && number(20) == height)
    let read = try ImageDecoder.decode8([UInt8](file), path: "sheet.png")
    func value(_ x: Int, _ y: Int) -> UInt8 { read.values[(y * width + x) * read.channels] }
    #expect(value(8, 8) == 40 && value(23, 23) == 40 && value(7, 8) == 24)
    #expect(value(32, 8) == 90 && value(47, 23) == 90)
    #expect(value(8, 52) == 200 && value(23, 67) == 200 && value(32, 52) == 24)
    // The letter A: its top row is three pixels wide, in the middle of five.
    #expect((0..<5).map { value(8 + $0, 27) > 100 } == [false, true, true, true, false])
    // Nothing is written below an image without a caption.
    #expect((72..<96).allSatisfy { value(10, $0) == 24 })
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
      "12 images with 24 samples", ">OPEN<", "16", "\(longer) of 24 above --max-a-len \(options.maximumAnswerTokens)",
      "24 of 24 above --max-q-len 1",
      "grey8.png", "PA, patient p0", "Question 0?", "Antwort 0 – ä",
    ] { #expect(html.contains(part), "\(part)") }
    #expect(!html.contains("http://") || html.contains("http://www.w3.org"))
    let two = try InspectionPage([shards, shards]).html(gnuplot: Gnuplot(searchPath: ""))
    #expect(two.contains("Images: train") && two.contains("gnuplot is not installed"))
    #expect(throws: CarinaError.self) { try InspectionPage([]) }
  }
}
