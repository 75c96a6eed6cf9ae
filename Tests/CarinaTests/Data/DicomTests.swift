import Carina
import Foundation
import TestSupport
import Testing

/// DICOM files against pydicom and numpy: pixels, rescale, windows, tables, inversion, padding.
@Suite struct DicomTests {
  private let goldens: DicomGoldens

  init() throws { goldens = try DicomGoldens() }

  private var golden: JSONValue { goldens.facts }

  private func bytes(_ name: String) throws -> [UInt8] { try goldens.bytes(name) }

  private func names(_ key: String) -> [String] { golden[key]?.object.map { $0.map(\.key) } ?? [] }

  /// At its own size an image is not resampled: the pixels are the grey of the file.
  private func transform(_ policy: String?) throws -> ImageTransform {
    try ImageTransform(size: 24, window: policy.flatMap(PixelPolicy.init(text:)))
  }

  @Test("every kind of file gives the grey that pydicom's values mean, under every policy, bit for bit")
  func grey() throws {
    var count = 0
    for name in names("grey") {
      let file = try bytes(name)
      for (policy, expected) in golden["grey"]?[name]?.object.map(Array.init) ?? [] {
        if name.hasPrefix("htj2k"), !ImageDecoder.decodesHighThroughput {
          let error = #expect(throws: CarinaError.self) { try transform(policy).pixels(of: file, path: name) }
          #expect(error?.description.contains("High-Throughput JPEG 2000 is not decoded with OpenJPEG") == true)
          count += 1
          continue
        }
        if expected.isNull {
          let error = #expect(throws: CarinaError.self) { try transform(policy).pixels(of: file, path: name) }
          #expect(error?.description.contains("display window") == true, "\(name)")
          continue
        }
        let pixels = try transform(policy).pixels(of: file, path: name)
        #expect(
          pixels.values.prefix(8).map(Int.init) == expected["first"]?.array?.compactMap(\.int), "\(name) \(policy)")
        #expect(ImageGoldens.digest(pixels.values) == expected["sha256"]?.string, "\(name) \(policy)")
        count += 1
      }
    }
    #expect(count == 295)
  }

  @Test("more than 8 bits without a policy are refused with the choices; 8 bits pass")
  func withoutPolicy() throws {
    let error = #expect(throws: CarinaError.self) {
      try transform(nil).pixels(of: try bytes("explicit-12.dcm"), path: "a")
    }
    #expect(error?.kind == .badData && error?.description.contains(PixelPolicy.choices) == true)
    for name in ["grey-8.dcm", "monochrome1-8.dcm", "window-8.dcm", "rgb.dcm"] {
      let full = try transform("full").pixels(of: try bytes(name), path: name)
      #expect(try transform(nil).pixels(of: try bytes(name), path: name) == full, "\(name)")
    }
  }

  @Test("what is not read is refused with its reason")
  func refused() throws {
    #expect(names("refused").count == 16)
    for name in names("refused") {
      let error = #expect(throws: CarinaError.self) { try transform("minmax").pixels(of: try bytes(name), path: name) }
      #expect(error?.kind == .badData && error?.location == name)
      let reason = try #require(golden["refused"]?[name]?.string)
      #expect(error?.description.contains(reason) == true, "\(name): \(error?.description ?? "")")
    }
  }

  @Test("the header says format, size and depth")
  func header() throws {
    let deep = try ImageDecoder.header(of: try bytes("lossless-12.dcm"), path: "a")
    #expect(deep.format == "DICOM" && deep.width == 24 && deep.height == 24 && deep.channels == 1 && deep.depth == 16)
    let colour = try ImageDecoder.header(of: try bytes("rgb-planes.dcm"), path: "a")
    #expect(colour.channels == 3 && colour.depth == 8)
  }

  @Test("a truncated file is refused at every length")
  func truncated() throws {
    let names = [
      "explicit-12.dcm", "rle-explicit-12.dcm", "lossless-12.dcm", "implicit-table.dcm", "delimited.dcm",
      "deflated.dcm", "j2k-12.dcm", "htj2k-12.dcm", "jls-12.dcm",
    ]
    for name in names {
      let whole = try bytes(name)
      for length in stride(from: 0, to: whole.count, by: whole.count > 4000 ? 37 : 1) {
        #expect(throws: CarinaError.self, "\(name) cut to \(length)") {
          try transform("minmax").pixels(of: Array(whole[..<length]), path: name)
        }
      }
    }
  }

  @Test("flipped bits end in pixels or in an error")
  func corrupted() throws {
    var generator = SeededGenerator(seed: 1, stream: "corrupted DICOM files")
    var decoded = 0, refused = 0
    for name in names("grey") + names("refused") {
      let whole = try bytes(name)
      for _ in 0..<15 {
        var damaged = whole
        for _ in 0..<(1 + generator.integer(below: 4)) {
          damaged[132 + generator.integer(below: damaged.count - 132)] ^= 1 << UInt8(generator.integer(below: 8))
        }
        do {
          #expect(try transform("percentile:1,99").pixels(of: damaged, path: name).size == 24)
          decoded += 1
        } catch let error as CarinaError {
          #expect(error.kind == .badData)
          refused += 1
        }
      }
    }
    #expect(decoded > 100 && refused > 100)
  }

  @Test("sequences nested without end, and lengths beyond the file, are refused before DCMTK sees them")
  func nested() throws {
    let whole = try bytes("explicit-12.dcm")
    // The first element after the file's head is (0008,0016).
    let start = try #require(whole.indices.dropFirst(132).first { Array(whole[$0..<$0 + 4]) == [8, 0, 0x16, 0] })
    let level: [UInt8] = [
      8, 0, 0x40, 0x11, 0x53, 0x51, 0, 0, 255, 255, 255, 255, 0xfe, 255, 0, 0xe0, 255, 255, 255, 255,
    ]
    let deep = Array(whole[..<start]) + Array(repeating: level, count: 20_000).joined() + whole[start...]
    let error = #expect(throws: CarinaError.self) { try transform("minmax").pixels(of: deep, path: "deep.dcm") }
    #expect(error?.description.contains("nested too deeply") == true)
    let lie: [UInt8] = [8, 0, 1, 0, 0x4f, 0x42, 0, 0, 0xf0, 255, 255, 255]
    let long = #expect(throws: CarinaError.self) {
      try transform("minmax").pixels(of: Array(whole[..<start]) + lie + whole[start...], path: "long.dcm")
    }
    #expect(long?.description.contains("claims 4294967280 bytes") == true)
  }
}
