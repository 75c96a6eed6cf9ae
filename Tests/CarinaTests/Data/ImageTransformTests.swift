import Carina
import Foundation
import TestSupport
import Testing

@Suite struct ImageTransformTests {
  let goldens: ImageGoldens

  init() throws { goldens = try ImageGoldens() }

  @Test("decoding and resizing in one go gives the pixels of Pillow's convert and resize")
  func pixels() throws {
    for (name, golden) in goldens.images where !golden.isNull {
      for (size, digest) in Array(golden["resized"]?.object ?? JSONObject()) {
        let transform = try ImageTransform(size: try #require(Int(size)))
        let pixels = try transform.pixels(ofFileAt: goldens.directory + "/" + name)
        #expect(ImageGoldens.digest(pixels.expanded().values) == digest.string, "\(name) at \(size)")
      }
      let grey = try ImageTransform(size: 24, colour: .grey).pixels(ofFileAt: goldens.directory + "/" + name)
      #expect(grey.channels == 1)
      #expect(ImageGoldens.digest(grey.values) == golden["luma24"]?.string, "\(name) as grey")
    }
  }

  @Test("equal channels are stored as one, different ones as three")
  func collapse() throws {
    let transform = try ImageTransform(size: 8)
    #expect(try transform.pixels(of: try goldens.bytes("grey8.png"), path: "").channels == 1)
    #expect(try transform.pixels(of: try goldens.bytes("colour-444.jpg"), path: "").channels == 3)
    let grey = ImagePixels(values: (0..<64).map { UInt8($0) }, size: 8, channels: 1)
    #expect(grey.expanded().channels == 3)
    #expect(grey.expanded().collapsedIfGrey() == grey)
  }

  @Test("16 bits need a stated window, and each window gives the values that numpy gives")
  func windows() throws {
    let bytes = try goldens.bytes("grey16.png")
    let error = #expect(throws: CarinaError.self) { try ImageTransform(size: 8).pixels(of: bytes, path: "deep.png") }
    for part in ["deep.png", "16-bit", "minmax", "percentile", "full"] {
      #expect(error?.description.contains(part) == true, "\(part)")
    }
    #expect(throws: CarinaError.self) { try ImageTransform(size: 8, window: .voi).pixels(of: bytes, path: "") }
    let image = try ImageDecoder.decode16(bytes, path: "")
    for (text, digest) in Array(try #require(goldens.json["windows"]?.object)) {
      let policy = try #require(PixelPolicy(text: text))
      #expect(policy.description == text)
      #expect(ImageGoldens.digest(try policy.apply(to: image.values, path: "")) == digest.string, "\(text)")
    }
    for text in ["percentile:9,5", "percentile:1", "percentile:-1,5", "percentile:0,101", "auto", ""] {
      #expect(PixelPolicy(text: text) == nil, "\(text)")
    }
  }

  @Test("normalisation is rescale, then subtract, then divide, in single precision, channel by channel")
  func normalization() throws {
    let transform = try ImageTransform(size: 2, mean: [0.5, 0.25, 0], standardDeviation: [0.5, 2, 1])
    let colour = ImagePixels(values: [0, 255, 128, 1, 2, 3, 4, 5, 6, 7, 8, 9], size: 2, channels: 3)
    let values = transform.normalized(colour)
    #expect(values.count == 12)
    #expect(values[0] == -1 && values[4] == (1 - 0.25) / 2)
    #expect(values[8] == Float(128.0 / 255))
    #expect(values[3] == (Float(7.0 / 255) - 0.5) / 0.5)
    let grey = ImagePixels(values: [0, 1, 254, 255], size: 2, channels: 1)
    #expect(transform.normalized(grey) == transform.normalized(grey.expanded()))
  }

  @Test("the id changes with every setting, survives being written down, and tells pixels from normalisation")
  func identity() throws {
    let base = try ImageTransform(size: 384)
    let others = [
      try ImageTransform(size: 224), try ImageTransform(size: 384, colour: .grey),
      try ImageTransform(size: 384, window: .percentile(low: 0.5, high: 99.5)),
      try ImageTransform(size: 384, order: .horizontalFirst), try ImageTransform(size: 384, aspect: .pad),
      try ImageTransform(size: 384, aspect: .crop), try ImageTransform(size: 384, fastDecode: true),
      try ImageTransform(size: 384, filter: .bilinear),
    ]
    let model = try ImageTransform(size: 384, mean: [0.4, 0.5, 0.5])
    #expect(Set((others + [base, model]).map(\.id)).count == 10)
    #expect(Set((others + [base]).map(\.pixelID)).count == 9)
    #expect(model.pixelID == base.pixelID)
    for transform in others + [base, model] {
      let text = try transform.settings.serialized()
      let read = try ImageTransform(settings: try JSONValue.parse(text, source: "settings"), source: "settings")
      #expect(read == transform && read.id == transform.id)
    }
    try base.requireSamePixels(as: model, at: "shards")
    for other in others {
      let error = #expect(throws: CarinaError.self) { try base.requireSamePixels(as: other, at: "shards") }
      #expect(error?.kind == .badData)
    }
    #expect(try others[2].withNormalization(of: model, at: "").mean == [0.4, 0.5, 0.5])
    #expect(throws: CarinaError.self) { try others[0].withNormalization(of: model, at: "") }
  }

  @Test("fast decoding gives the pixels of Pillow's draft mode, and exact ones where there is nothing to scale")
  func fastDecoding() throws {
    var count = 0
    for (name, golden) in goldens.images where !golden.isNull {
      let bytes = try goldens.bytes(name)
      for (size, expected) in golden["fast"]?.object.map(Array.init) ?? [] {
        let transform = try ImageTransform(size: try #require(Int(size)), fastDecode: true)
        let pixels = try transform.pixels(of: bytes, path: name)
        #expect(
          ImageGoldens.digest(ImageGoldens.rgb(pixels.values, channels: pixels.channels)) == expected.string,
          "\(name) \(size)")
        #expect(try pixels != ImageTransform(size: transform.size).pixels(of: bytes, path: name), "\(name)")
        count += 1
      }
      #expect(
        try ImageTransform(size: 96, fastDecode: true).pixels(of: bytes, path: name)
          == ImageTransform(size: 96).pixels(of: bytes, path: name), "\(name)")
      // Whatever the aspect, no side is decoded to less than the model needs.
      for aspect in [ImageTransform.Aspect.pad, .crop] {
        #expect(try ImageTransform(size: 8, aspect: aspect, fastDecode: true).pixels(of: bytes, path: name).size == 8)
      }
    }
    #expect(count == 24)
  }

  @Test("sizes and standard deviations that cannot work are refused")
  func unusable() {
    #expect(throws: CarinaError.self) { try ImageTransform(size: 0) }
    #expect(throws: CarinaError.self) { try ImageTransform(size: 1 << 40) }
    #expect(throws: CarinaError.self) { try ImageTransform(size: 8, standardDeviation: [1, 0, 1]) }
    #expect(throws: CarinaError.self) { try ImageTransform(size: 8, mean: [1]) }
  }

  @Test("a checkpoint's preprocessor configuration is obeyed or refused by name")
  func configuration() throws {
    func read(_ text: String, size: Int? = nil) throws -> ImageTransform {
      try ImageTransform(
        preprocessorConfiguration: try JSONValue.parse(text, source: "c"), defaultSize: size, source: "c.json")
    }
    #expect(try read(#"{"resample": 2, "size": 8}"#).filter == .bilinear)
    let usual = try read(
      #"{"do_normalize": true, "do_rescale": true, "do_resize": true, "image_mean": [0.4, 0.5, 0.6], "image_std": [1, 2, 3], "#
        + #""image_processor_type": "SiglipImageProcessor", "processor_class": "SiglipProcessor", "resample": 3, "#
        + #""rescale_factor": 0.00392156862745098, "size": {"height": 512, "width": 512}, "do_convert_rgb": null}"#)
    #expect(usual.size == 512 && usual.mean == [0.4, 0.5, 0.6] && usual.standardDeviation == [1, 2, 3])
    #expect(try read("{}", size: 96) == ImageTransform(size: 96))
    #expect(
      try read(#"{"size": 64, "do_rescale": false, "do_normalize": false}"#).normalizationTable(channel: 0)[200] == 200)
    for (text, key) in [
      (#"{"do_center_crop": true, "size": 8}"#, "do_center_crop"), (#"{"resample": 6, "size": 8}"#, "resample"),
      (#"{"do_resize": false, "size": 8}"#, "do_resize"), (#"{"size": {"shortest_edge": 8}}"#, "size"),
      (#"{"do_pad": true, "size": 8}"#, "do_pad"), (#"{"image_mean": [1, "x", 2], "size": 8}"#, "image_mean"),
      ("{}", "size"), ("[]", "object"),
    ] {
      let error = #expect(throws: CarinaError.self) { try read(text) }
      #expect(error?.kind == .badData && error?.description.contains(key) == true, "\(text)")
    }
  }
}
