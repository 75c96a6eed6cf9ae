import Carina
import Foundation
import TestSupport
import Testing

@Suite struct ImageDecoderTests {
  let goldens: ImageGoldens

  init() throws { goldens = try ImageGoldens() }

  @Test("every kind of JPEG and PNG of 8 bits decodes to Pillow's pixels")
  func decodes() throws {
    var count = 0
    for (name, golden) in goldens.images where !golden.isNull {
      let image = try ImageDecoder.decode8(try goldens.bytes(name), path: name)
      #expect(image.width == golden["width"]?.int && image.height == golden["height"]?.int, "\(name)")
      let digest = ImageGoldens.digest(ImageGoldens.rgb(image.values, channels: image.channels))
      #expect(digest == golden["rgb"]?.string, "\(name)")
      count += 1
    }
    #expect(count == 40)
  }

  @Test("16-bit grey keeps all its bits")
  func decodesWide() throws {
    let rows = try #require(goldens.json["grey16"]?.array).map { $0.array?.compactMap(\.int) ?? [] }
    for name in ["grey16.png", "grey16-interlaced.png"] {
      let image = try ImageDecoder.decode16(try goldens.bytes(name), path: name)
      #expect(image.channels == 1)
      #expect(image.values.map(Int.init) == rows.flatMap { $0 }, "\(name)")
    }
    #expect(throws: CarinaError.self) { try ImageDecoder.decode8(try goldens.bytes("grey16.png"), path: "x") }
    #expect(throws: CarinaError.self) { try ImageDecoder.decode16(try goldens.bytes("grey8.png"), path: "x") }
  }

  @Test("a truncated file is refused at every length that cuts its pixels, and never crashes")
  func truncated() throws {
    for name in ["grey.jpg", "colour-420-progressive.jpg", "cmyk.jpg", "rgb8.png", "rgb8-interlaced.png"] {
      let bytes = try goldens.bytes(name)
      // A PNG's last twelve bytes are its end chunk, and the eight before it hold checksums only.
      let harmless = name.hasSuffix("png") ? 20 : 0
      for length in 0..<bytes.count - harmless {
        #expect(throws: CarinaError.self, "\(name) cut to \(length)") {
          try ImageDecoder.decode8(Array(bytes[..<length]), path: name)
        }
      }
    }
  }

  @Test("flipped bits end in pixels or in an error")
  func corrupted() throws {
    var generator = SeededGenerator(seed: 1, stream: "corrupted images")
    var decoded = 0, refused = 0
    let transform = try ImageTransform(size: 16, window: .minmax)
    for (name, _) in goldens.images {
      let bytes = try goldens.bytes(name)
      for _ in 0..<40 {
        var damaged = bytes
        for _ in 0..<(1 + generator.integer(below: 4)) {
          damaged[generator.integer(below: damaged.count)] ^= 1 << UInt8(generator.integer(below: 8))
        }
        do {
          #expect(try transform.pixels(of: damaged, path: name).size == 16)
          decoded += 1
        } catch let error as CarinaError {
          #expect(error.kind == .badData)
          refused += 1
        }
      }
    }
    #expect(decoded > 100 && refused > 100)
  }

  @Test("what is no image is refused with the reason")
  func noImage() throws {
    let directory = try TemporaryDirectory()
    func message(_ bytes: [UInt8]) -> String {
      do {
        _ = try ImageDecoder.header(of: bytes, path: "f")
        return ""
      } catch { return "\(error)" }
    }
    #expect(message([]).contains("empty"))
    #expect(message(Array("just a text".utf8)).contains("neither JPEG, PNG nor DICOM"))
    #expect(message([0xff, 0xd8, 0xff]).contains("truncated"))
    let missing = directory.file("missing.png")
    let error = #expect(throws: CarinaError.self) { try ImageDecoder.bytes(ofFileAt: missing) }
    #expect(error?.kind == .missingInput && error?.location == missing)
    #expect(throws: CarinaError.self) { try ImageDecoder.bytes(ofFileAt: directory.path) }
  }

  @Test("a header that promises too many pixels is refused before any is read")
  func bomb() throws {
    var bytes = try goldens.bytes("grey8.png")
    // Width and height are the first eight bytes of the first chunk's body; its checksum follows the thirteen bytes.
    bytes.replaceSubrange(16..<24, with: [0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60])
    var checksum: UInt32 = 0xffff_ffff
    for byte in bytes[12..<29] {
      checksum ^= UInt32(byte)
      for _ in 0..<8 { checksum = checksum & 1 == 1 ? checksum >> 1 ^ 0xedb8_8320 : checksum >> 1 }
    }
    bytes.replaceSubrange(29..<33, with: withUnsafeBytes(of: (~checksum).bigEndian, Array.init))
    let error = #expect(throws: CarinaError.self) { try ImageDecoder.header(of: bytes, path: "bomb.png") }
    #expect(error?.description.contains("60000 x 60000") == true)
    #expect(error?.description.contains("20000") == true)
  }
}
