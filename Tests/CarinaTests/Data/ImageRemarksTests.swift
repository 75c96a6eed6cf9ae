import Carina
import Foundation
import TestSupport
import Testing

/// What is odd about an image is reported and changes nothing.
@Suite struct ImageRemarksTests {
  /// A body in the middle of air, grey levels of a radiograph that is the right way round.
  private func radiograph(size: Int, inverted: Bool, border: Int = 0) -> ImagePixels {
    var values = [UInt8](repeating: 0, count: size * size)
    for y in border..<size - border {
      for x in border..<size - border {
        let (u, v) = (Double(x) / Double(size) - 0.5, Double(y) / Double(size) - 0.5)
        let body = u * u / 0.16 + (v - 0.2) * (v - 0.2) / 0.36 < 1
        let grey = UInt8(body ? (abs(u) < 0.1 ? 190 : 110) : 12 + (x + y) % 3)
        values[y * size + x] = inverted ? 255 - grey : grey
      }
    }
    return ImagePixels(values: values, size: size, channels: 1)
  }

  @Test("an inverted radiograph is suspected, a radiograph the right way round is not, whatever lies around it")
  func inversion() throws {
    func isSuspected(_ image: ImagePixels) -> Bool { (InversionCheck.excess(image) ?? 0) > InversionCheck.margin }
    for border in [0, 7] {
      #expect(!isSuspected(radiograph(size: 96, inverted: false, border: border)))
      #expect(isSuspected(radiograph(size: 96, inverted: true, border: border)))
      #expect(isSuspected(radiograph(size: 96, inverted: true, border: border).expanded()))
    }
    // 242 or so in the corners of the inverted radiograph, 65 in its middle.
    let excess = try #require(InversionCheck.excess(radiograph(size: 96, inverted: true)))
    #expect((150...180).contains(excess))
    #expect(
      InversionCheck.excess(ImagePixels(values: [UInt8](repeating: 9, count: 4096), size: 64, channels: 1)) == nil)
  }

  private func exif(_ tag: UInt8, big: Bool) -> [UInt8] {
    big
      ? [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, tag, 0, 0, 0, 0, 0, 0]
      : [0x49, 0x49, 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, tag, 0, 0, 0, 0, 0, 0, 0]
  }

  private func jpeg(_ whole: [UInt8], _ block: [UInt8]) -> [UInt8] {
    let length = block.count + 8
    return Array(whole[..<2]) + [0xff, 0xe1, UInt8(length >> 8), UInt8(length & 255)] + Array("Exif\0\0".utf8) + block
      + whole[2...]
  }

  @Test("orientation tags of both byte orders are read from JPEG and PNG; damaged ones are none")
  func orientation() throws {
    let goldens = try ImageGoldens()
    let plain = try goldens.bytes("grey.jpg"), png = try goldens.bytes("grey8.png")
    #expect(OrientationTag.read(plain) == nil && OrientationTag.read(png) == nil && OrientationTag.read([]) == nil)
    for tag in UInt8(1)...8 {
      #expect(OrientationTag.read(jpeg(plain, exif(tag, big: true))) == Int(tag))
      #expect(OrientationTag.read(jpeg(plain, exif(tag, big: false))) == Int(tag))
    }
    #expect(OrientationTag.read(jpeg(plain, exif(9, big: true))) == nil)
    let block = exif(6, big: true)
    // After the head of 33 bytes; nobody checks the checksum of a tag that changes nothing.
    let chunk = [0, 0, 0, UInt8(block.count)] + Array("eXIf".utf8) + block + [0, 0, 0, 0]
    #expect(OrientationTag.read(Array(png[..<33]) + chunk + png[33...]) == 6)
    for length in 0..<block.count - 6 {
      #expect(OrientationTag.read(jpeg(plain, Array(block[..<length]))) == nil, "\(length)")
    }
  }

  @Test("a radiograph that is odd in itself, and a frame of several, are listed and counted")
  func files() throws {
    let url = try #require(Bundle.module.url(forResource: "Goldens/data/dicom/dicom", withExtension: "json"))
    let directory = try TemporaryDirectory()
    let names = ["explicit-12.dcm", "no-head.dcm", "frames-5-rle.dcm"]
    let records = names.map { "{\"image\": \"\($0)\", \"caption\": \"c\"}" }.joined(separator: "\n")
    try records.write(toFile: directory.file("r.jsonl"), atomically: true, encoding: .utf8)
    let options = PreprocessOptions(
      records: directory.file("r.jsonl"), imageRoots: [url.deletingLastPathComponent().path],
      output: directory.file("out"), transform: try ImageTransform(size: 32, window: .minmax, frame: .number(1)))
    let summary = try Preprocessor.run(options)
    let lines = try String(contentsOfFile: directory.file("out/remarks.jsonl"), encoding: .utf8)
      .split(separator: "\n").map { try JSONValue.parse(String($0), source: "remarks") }
    let remarks = lines.filter { $0["file"] != nil }
    #expect(remarks.map { $0["path"]?.string } == ["no-head.dcm", "frames-5-rle.dcm"])
    #expect(remarks.last?["file"]?.string == "frame 1 of 5 was taken")
    #expect(summary.manifest.fileRemarks == 2 && summary.firstFileRemarks.count == 2)
    #expect(try ShardManifest.read(directory.file("out")) == summary.manifest)
    let manifest = try JSONValue.parseFile(directory.file("out/manifest.json"))
    #expect(manifest["remarks"]?["file_remarks"]?.int == 2)
    #expect(manifest["transform"]?["settings"]?["frame"]?.string == "1")
  }

  @Test("a run lists them in remarks.jsonl, counts them in the manifest and leaves the pixels alone")
  func run() throws {
    let goldens = try ImageGoldens()
    let directory = try TemporaryDirectory()
    let plain = try goldens.bytes("grey.jpg")
    try Data(plain).write(to: URL(fileURLWithPath: directory.file("upright.jpg")))
    try Data(jpeg(plain, exif(6, big: true))).write(to: URL(fileURLWithPath: directory.file("turned.jpg")))
    for inverted in [false, true] {
      let grey = radiograph(size: 32, inverted: inverted)
      try PNGEncoder.encode(grey.values, side: 32).write(to: URL(fileURLWithPath: directory.file("\(inverted).png")))
    }
    let names = ["upright.jpg", "turned.jpg", "false.png", "true.png"]
    let records = names.map { "{\"image\": \"\($0)\", \"caption\": \"c\"}" }.joined(separator: "\n")
    try records.write(toFile: directory.file("r.jsonl"), atomically: true, encoding: .utf8)
    let options = PreprocessOptions(
      records: directory.file("r.jsonl"), imageRoots: [directory.path], output: directory.file("out"),
      transform: try ImageTransform(size: 32))
    let summary = try Preprocessor.run(options)
    let lines = try String(contentsOfFile: directory.file("out/remarks.jsonl"), encoding: .utf8)
      .split(separator: "\n").map { try JSONValue.parse(String($0), source: "remarks") }
    #expect(summary.manifest.suspectedInversions == lines.count { $0["suspected_inversion"]?.int != nil })
    #expect(lines.first { $0["path"]?.string == "turned.jpg" }?["orientation"]?.int == 6)
    #expect((lines.first { $0["path"]?.string == "true.png" }?["suspected_inversion"]?.int ?? 0) > 100)
    #expect(!lines.contains { $0["path"]?.string == "false.png" })
    #expect(summary.manifest.orientationTags == 1 && summary.firstOrientations == ["turned.jpg: 6"])
    #expect(summary.firstInversions.contains { $0.hasPrefix("true.png") })
    #expect(try ShardManifest.read(directory.file("out")) == summary.manifest)
    let transform = options.transform
    #expect(
      try transform.pixels(ofFileAt: directory.file("turned.jpg"))
        == transform.pixels(ofFileAt: directory.file("upright.jpg")))
    // A second run replaces the directory, this file included.
    #expect(try Preprocessor.run(options) == summary)
  }
}
