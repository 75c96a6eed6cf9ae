import Carina
import Foundation
import TestSupport
import Testing

/// DICOM files as archives and tools write them: other encodings than their heads say, several frames, palettes.
@Suite struct DicomKindTests {
  private let goldens: DicomGoldens

  init() throws { goldens = try DicomGoldens() }

  private var golden: JSONValue { goldens.facts }

  private func bytes(_ name: String) throws -> [UInt8] { try goldens.bytes(name) }

  private func remark(_ name: String, window: PixelPolicy = .minmax, frame: FrameChoice? = nil) throws -> String? {
    try ImageTransform(size: 24, window: window, frame: frame).remarkedPixels(of: bytes(name), path: name).remark
  }

  @Test("the frame that is asked for is read, whatever says where it lies, as pydicom reads it")
  func frames() throws {
    var count = 0
    for (name, cases) in golden["frames"]?.object.map(Array.init) ?? [] {
      for (choice, expected) in cases.object.map(Array.init) ?? [] {
        let frame = try #require(FrameChoice(text: choice))
        let transform = try ImageTransform(size: 24, window: .minmax, frame: frame)
        let pixels = try transform.pixels(of: try bytes(name), path: name)
        #expect(ImageGoldens.digest(pixels.values) == expected["sha256"]?.string, "\(name) \(choice)")
        count += 1
      }
    }
    #expect(count == 43)
  }

  @Test("several frames without a choice, and a frame that is not there, are refused; a number of 0 means one")
  func frameRefusals() throws {
    let undecided = #expect(throws: CarinaError.self) { try remark("frames-3.dcm") }
    #expect(undecided?.description.contains("3 frames") == true && undecided?.description.contains("frame") == true)
    #expect(undecided?.description.contains(FrameChoice.choices) == true)
    let absent = #expect(throws: CarinaError.self) { try remark("frames-3.dcm", frame: .number(4)) }
    #expect(absent?.description.contains("not the one that is asked for, 4") == true)
    #expect(try remark("frames-none.dcm") == nil)
    #expect(try remark("frames-4-j2k-offsets.dcm", frame: .middle) == "frame 3 of 4 was taken")
    // A file of one frame has the first and the middle one, and no second.
    #expect(try remark("explicit-12.dcm", frame: .middle) == nil)
    #expect(throws: CarinaError.self) { try remark("explicit-12.dcm", frame: .number(2)) }
  }

  @Test("a choice of frame is written with the transform, and changes nothing where there is none")
  func frameSetting() throws {
    let plain = try ImageTransform(size: 384)
    #expect(plain.settings["frame"] == nil && plain.id == "25b5481d1bee9cf6")
    for choice: FrameChoice in [.first, .middle, .number(7)] {
      let chosen = try plain.with(frame: choice)
      #expect(chosen.id != plain.id && chosen.settings["frame"]?.string == choice.description)
      #expect(try ImageTransform(settings: chosen.settings, source: "s") == chosen)
      #expect(FrameChoice(text: choice.description) == choice)
    }
    for text in ["", "0", "-1", "last", "1.5", "99999999999"] { #expect(FrameChoice(text: text) == nil, "\(text)") }
  }

  @Test("what a file is against its head is said")
  func remarks() throws {
    let expected = [
      "implicit-under-explicit.dcm": "name no types, against", "explicit-under-implicit.dcm": "name types, against",
      "rle-implicit.dcm": "name no types, against", "no-preamble.dcm": "no preamble",
      "no-head.dcm": "names no transfer syntax", "no-head-big-endian.dcm": "names no transfer syntax",
      "no-syntax.dcm": "names no transfer syntax", "mixed.dcm": "some of its elements name no type",
      "j2k-unsigned-for-signed.dcm": "sign of its JPEG 2000", "j2k-signed-for-unsigned.dcm": "sign of its JPEG 2000",
    ]
    for (name, words) in expected { #expect(try remark(name)?.contains(words) == true, "\(name)") }
    for name in ["explicit-12.dcm", "implicit-10-exact.dcm", "big-endian-16.dcm", "j2k-signed.dcm", "deflated.dcm"] {
      #expect(try remark(name) == nil, "\(name)")
    }
  }

  @Test("elements in the other byte order than the transfer syntax says are read, with a remark")
  func otherByteOrder() throws {
    let (little, big) = (try bytes("explicit-12.dcm"), try bytes("no-head-big-endian.dcm"))
    // The head of a file in the usual order, and the elements of one in the other.
    let start = try #require(little.indices.dropFirst(132).first { Array(little[$0..<$0 + 4]) == [8, 0, 0x16, 0] })
    let transform = try ImageTransform(size: 24, window: .minmax)
    let read = try transform.remarkedPixels(of: Array(little[..<start]) + big, path: "swapped.dcm")
    #expect(read.remark?.contains("byte order") == true)
    #expect(try read.pixels == transform.pixels(of: big, path: "big"))
  }

  @Test("a palette gives colour, and luma where that is asked for")
  func palette() throws {
    let file = try bytes("palette-16.dcm")
    let colour = try ImageTransform(size: 24).pixels(of: file, path: "p")
    let grey = try ImageTransform(size: 24, colour: .grey).pixels(of: file, path: "p")
    #expect(colour.channels == 3 && grey.channels == 1)
    for index in 0..<24 * 24 {
      // Pillow's luma, halves up.
      let (r, g, b) = (
        Int(colour.values[3 * index]), Int(colour.values[3 * index + 1]), Int(colour.values[3 * index + 2])
      )
      #expect(Int(grey.values[index]) == (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16)
    }
    #expect(try ImageDecoder.header(of: file, path: "p").channels == 3)
  }

  @Test("what is no DICOM is not taken for one, whatever it begins with")
  func notDicom() throws {
    let plain: [[UInt8]] = [
      [], [8, 0], Array(repeating: 0, count: 200), Array("{\"image\": \"a.png\", \"caption\": \"b\"}".utf8),
      [8, 0, 5, 0] + Array(repeating: 255, count: 60), [2, 0, 0, 0, 85, 76, 4, 0] + Array(repeating: 7, count: 30),
    ]
    for bytes in plain {
      let error = #expect(throws: CarinaError.self) { try ImageDecoder.header(of: bytes, path: "x") }
      #expect(error?.description.contains("DICOM file") == false, "\(bytes.prefix(8))")
    }
  }

  @Test("JPEG 2000 that is not what the attributes say is refused by its headers alone")
  func contradictions() throws {
    let whole = try bytes("j2k-12.dcm")
    func first(_ marker: [UInt8], from start: Int) throws -> Int {
      try #require(whole.indices.dropFirst(start).first { whole[$0...].starts(with: marker) })
    }
    let start = try first([0xff, 0x4f, 0xff, 0x51], from: 0), coding = try first([0xff, 0x52], from: start)
    func changed(_ at: Int, _ values: [UInt8]) -> [UInt8] {
      var bytes = whole
      bytes.replaceSubrange(at..<at + values.count, with: values)
      return bytes
    }
    let cases: [(String, [UInt8], String)] = [
      ("grid", changed(start + 8, [0x7f, 0, 0, 0x18]), "its attributes say 24 x 24"),
      ("levels", changed(coding + 9, [40]), "resolutions"), ("blocks", changed(coding + 10, [8, 8]), "resolutions"),
      ("precision", changed(start + 42, [0x25]), "bits a value"),
      ("channels", changed(start + 40, [0x40, 0]), "channels"),
      ("subsampling", changed(start + 43, [2]), "different sizes"),
    ]
    for (what, bytes, words) in cases {
      let error = #expect(throws: CarinaError.self) {
        try ImageTransform(size: 24, window: .minmax).pixels(of: bytes, path: what)
      }
      #expect(error?.description.contains(words) == true, "\(what): \(error?.description ?? "")")
    }
  }

  @Test("JPEG 2000 of few bytes that would take memory or time beyond measure is refused before it is decoded")
  func bombs() throws {
    let start = DispatchTime.now().uptimeNanoseconds
    let cases: [(String, Bomb)] = [
      ("tiles; the limit", Bomb(tile: 1)), ("more pieces", Bomb(precincts: 0x11)), ("more pieces", Bomb(block: 0)),
      ("more packets", Bomb(layers: 65535)), ("so many bits", Bomb(exponent: 31)), ("is truncated", Bomb()),
    ]
    for (words, bomb) in cases {
      let error = #expect(throws: CarinaError.self) {
        try ImageTransform(size: 24, window: .minmax).pixels(of: bomb.file, path: words)
      }
      #expect(error?.description.contains(words) == true, "\(words): \(error?.description ?? "")")
    }
    #expect(Double(DispatchTime.now().uptimeNanoseconds - start) < 5e9)
  }
}

/// A file of some hundred bytes that claims 8,000 x 8,000 values of 16 bits in JPEG 2000.
private struct Bomb {
  /// Pixels a side of a tile, exponents of precincts and (less 2) of blocks, layers, and the exponent of the quantizer.
  var tile: UInt32 = 8000, precincts: UInt8 = 0x88, block: UInt8 = 4, layers: UInt16 = 1, exponent: UInt8 = 16

  private func big(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }

  private func segment(_ marker: UInt8, _ content: [UInt8]) -> [UInt8] {
    [0xff, marker, 0, UInt8(content.count + 2)] + content
  }

  private var codestream: [UInt8] {
    let sizes = [8000, 8000, 0, 0, tile, tile, 0, 0].flatMap(big)
    let coding: [UInt8] = [
      1, 0, UInt8(layers >> 8), UInt8(layers & 0xff), 0, 1, block, block, 0, 1, precincts, precincts,
    ]
    return [0xff, 0x4f] + segment(0x51, [0, 0] + sizes + [0, 1, 15, 1, 1]) + segment(0x52, coding)
      + segment(0x5c, [0xe0] + Array(repeating: exponent << 3, count: 4))
      + segment(0x90, [0, 0] + big(2000) + [0, 1]) + [0xff, 0x93] + Array(repeating: 0, count: 20) + [0xff, 0xd9]
  }

  var file: [UInt8] {
    func element(_ group: UInt8, _ number: UInt16, _ type: String, _ value: [UInt8]) -> [UInt8] {
      [group, 0, UInt8(number & 0xff), UInt8(number >> 8)] + Array(type.utf8) + [UInt8(value.count), 0] + value
    }
    func number(_ key: UInt16, _ value: UInt16) -> [UInt8] {
      element(0x28, key, "US", [UInt8(value & 0xff), UInt8(value >> 8)])
    }
    var file = [UInt8](repeating: 0, count: 128) + Array("DICM".utf8)
    file += element(2, 0x0010, "UI", Array("1.2.840.10008.1.2.4.90".utf8)) + number(0x0002, 1)
    file += element(0x28, 0x0004, "CS", Array("MONOCHROME2 ".utf8)) + number(0x0010, 8000) + number(0x0011, 8000)
    file += number(0x0100, 16) + number(0x0101, 16) + number(0x0102, 15) + number(0x0103, 0)
    let item: [UInt8] = [0xfe, 0xff, 0, 0xe0]
    let frame = codestream + (codestream.count % 2 == 0 ? [] : [0])
    file += [0xe0, 0x7f, 0x10, 0, 0x4f, 0x42, 0, 0, 255, 255, 255, 255] + item + [0, 0, 0, 0]
    return file + item + [UInt8(frame.count), 0, 0, 0] + frame + [0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]
  }
}
