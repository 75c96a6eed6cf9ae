import Carina
import Foundation
import TestSupport
import Testing

/// Image settings of checkpoints against what AutoImageProcessor of transformers makes of the same files.
@Suite struct CheckpointImageSettingsTests {
  /// The settings of a directory with these files.
  private func read(
    _ files: JSONValue, size: Int? = 24, kind: ImageProcessorKind = .siglip
  ) throws -> CheckpointImageSettings {
    let directory = try TemporaryDirectory()
    for (name, content) in files.object ?? JSONObject() { try content.write(to: directory.file(name)) }
    return try CheckpointImageSettings(ofCheckpoint: directory.path, defaultSize: size, kind: kind)
  }

  private func plain(_ settings: JSONValue, size: Int? = 24) throws -> ImageTransform {
    try read(["preprocessor_config.json": settings], size: size).transform
  }

  @Test("the numbers that the encoder gets are transformers', wherever the settings stand and whatever they leave out")
  func numbers() throws {
    let goldens = try ImageGoldens()
    let cases = try #require(CheckpointGoldens.json("checkpoints/image-settings.json").array)
    #expect(cases.count == 21)
    for golden in cases where golden["name"] != "nested before plain" {
      let settings = try read(try #require(golden["files"]))
      #expect(settings.transform.filter.pillowNumber == golden["resample"]?.int, "\(golden["name"] ?? nil)")
      let pixels = try settings.transform.pixels(of: try goldens.bytes("grey.jpg"), path: "grey.jpg")
      let values = settings.transform.normalized(pixels)
      let expected = golden["first"]?.array?.compactMap(\.double) ?? []
      expectClose(values.prefix(6).map(Double.init), expected, relative: 1e-6)
      #expect(
        values.withUnsafeBytes { SHA256Digest.of(Data($0)) } == golden["sha256"]?.string, "\(golden["name"] ?? nil)")
      #expect(settings.assumption == nil && settings.source != nil)
    }
  }

  @Test("two files that do not agree are an error that names both and the keys")
  func disagreement() throws {
    let cases = try #require(CheckpointGoldens.json("checkpoints/image-settings.json").array)
    let golden = try #require(cases.first { $0["name"] == "nested before plain" })
    let files = try #require(golden["files"])
    let error = try #require(thrownCarinaError { try read(files) })
    #expect(error.kind == .badData)
    #expect(error.what.contains("(resample, image_std)"), "\(error)")
    #expect(error.location?.hasSuffix("/processor_config.json, image_processor") == true)
    #expect(error.expected?.contains("resample bicubic, image_std [0.25, 0.25, 0.25]") == true)
    #expect(error.expected?.contains("/preprocessor_config.json") == true)
    #expect(error.found == "resample bilinear, image_std [0.5, 0.5, 0.5]")
  }

  @Test("no settings at all are said, with what is assumed")
  func nothing() throws {
    let siglip = try read([:])
    #expect(siglip.transform == (try ImageTransform(size: 24)) && siglip.source == nil)
    #expect(siglip.assumption?.contains("assumed 24 x 24 pixels, bicubic, mean 0.5") == true)
    let gemma = try read(["processor_config.json": ["processor_class": "X"]], kind: .gemma3)
    #expect(gemma.transform.filter == .bilinear && gemma.assumption?.contains("Gemma3ImageProcessor") == true)
    #expect(thrownCarinaError { try read([:], size: nil) }?.kind == .missingInput)
  }

  @Test("a filter is read by number and by name, the size as a number, a pair or by its sides")
  func spellings() throws {
    for (value, filter) in [
      (0, .nearest), (1, .lanczos), (2, .bilinear), (3, .bicubic), (4, .box), (5, .hamming), ("bilinear", .bilinear),
      ("PILImageResampling.LANCZOS", .lanczos), (nil, .bilinear),
    ] as [(JSONValue, ResizeFilter)] {
      #expect(try plain(["resample": value]).filter == filter, "\(value)")
    }
    for size in [
      24, [24, 24], ["height": 24, "width": 24], ["height": 24, "width": 24, "shortest_edge": nil], nil,
    ] as [JSONValue] { #expect(try plain(["size": size]).size == 24, "\(size)") }
    #expect(try plain(["image_mean": 0.25, "image_std": [1, 2, 3]]).mean == [0.25, 0.25, 0.25])
  }

  @Test("numbers that JSON does not know are bad data that names file, key and number, as everything else")
  func nonFinite() throws {
    for (number, shown) in [("NaN", "NaN"), ("Infinity", "Infinity"), ("-Infinity", "-Infinity")] {
      for (key, text) in [
        ("size", #"{"height": 24, "width": \#(number)}"#), ("size", number), ("resample", number),
        ("rescale_factor", number), ("image_mean", "[0.5, \(number), 0.5]"), ("image_std", number),
        ("do_normalize", number), ("crop_pct", number), ("image_processor_type", number),
      ] {
        let directory = try TemporaryDirectory()
        let path = directory.file("preprocessor_config.json")
        try AtomicFile.write(#"{"\#(key)": \#(text)}"#, to: path)
        let error = try #require(
          thrownCarinaError {
            try CheckpointImageSettings(ofCheckpoint: directory.path, defaultSize: 24, kind: .siglip)
          })
        #expect(error.kind == .badData && error.location?.contains("preprocessor_config.json") == true, "\(error)")
        #expect(error.what.contains(key) && "\(error.what) \(error.found ?? "")".contains(shown), "\(error)")
      }
    }
  }

  @Test("what asks for other pixels is refused by its name")
  func refusals() throws {
    for (settings, name) in [
      (["resample": 6], "resample"), (["resample": "cubic"], "resample"), (["size": ["shortest_edge": 24]], "size"),
      (["size": ["height": 24, "width": 24, "shortest_edge": 24]], "size"), (["size": [24, 25]], "size"),
      (["size": 24, "default_to_square": false], "size"), (["size": ["longest_edge": 24]], "size"),
      (["do_pan_and_scan": true], "do_pan_and_scan"), (["do_center_crop": true], "do_center_crop"),
      (["do_resize": nil], "do_resize"), (["do_rescale": 0], "do_rescale"),
      (["image_processor_type": "CLIPImageProcessor"], "do_center_crop"),
      (["image_processor_type": "OwnImageProcessor", "resample": 3], "image_mean, image_std"),
      (["image_processor_type": 3], "image_processor_type"),
    ] as [(JSONValue, String)] {
      let error = try #require(thrownCarinaError { try plain(settings) })
      #expect(error.kind == .badData && error.what.contains(name), "\(error)")
    }
    #expect(
      try plain([
        "image_processor_type": "CLIPImageProcessor", "do_center_crop": false, "image_mean": 0.5, "image_std": 0.5,
      ]).filter == .bicubic)
    #expect(thrownCarinaError { try read(["processor_config.json": [1]]) }?.kind == .badData)
    #expect(
      thrownCarinaError { try read(["processor_config.json": ["image_processor": 3]]) }?.kind
        == .badData)
  }
}
