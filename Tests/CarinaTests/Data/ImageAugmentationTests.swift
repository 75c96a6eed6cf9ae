import Carina
import Testing

@Suite struct ImageAugmentationTests {
  /// A bright square left of the middle on a dark ramp.
  private func picture(_ size: Int = 48, channels: Int = 1) -> ImagePixels {
    let values = (0..<size * size * channels).map { index -> UInt8 in
      let (x, y) = (index / channels % size, index / channels / size)
      return (8..<20).contains(x) && (18..<30).contains(y) ? 220 : UInt8(20 + x + index % channels)
    }
    return ImagePixels(values: values, size: size, channels: channels)
  }

  /// Where the bright square's centre is.
  private func centre(_ pixels: ImagePixels) -> (x: Double, y: Double) {
    var (sum, x, y) = (0.0, 0.0, 0.0)
    for (index, value) in pixels.values.enumerated() where value > 150 {
      sum += 1
      x += Double(index % pixels.size)
      y += Double(index / pixels.size)
    }
    return (x / sum, y / sum)
  }

  private func changed(_ text: String, _ pixels: ImagePixels, image: Int = 0, epoch: Int = 0, seed: UInt64 = 1) throws
    -> ImagePixels
  {
    try ImageAugmentation(text: text).applied(to: pixels, image: image, epoch: epoch, seed: seed)
  }

  @Test("nothing asked for changes nothing, and no amount changes nothing")
  func off() throws {
    for text in ["none", "shift:0", "shift:0,scale:0,contrast:0,elastic:0"] {
      #expect(try ImageAugmentation(text: text).isOff)
      #expect(try changed(text, picture()) == picture())
    }
    // Sampling at undisplaced positions is no change either.
    #expect(try changed("shift:1e-9", picture()) == picture())
    #expect(try changed("elastic:1e-9", picture(33, channels: 3)) == picture(33, channels: 3))
  }

  @Test(
    "the same seed, epoch and image give the same change; another of them another; one kind leaves the others alone")
  func seeded() throws {
    let all = "shift:0.1,scale:0.1,contrast:0.3,elastic:0.03"
    let first = try changed(all, picture())
    #expect(try changed(all, picture()) == first)
    #expect(first != picture())
    #expect(try changed(all, picture(), image: 1) != first)
    #expect(try changed(all, picture(), epoch: 1) != first)
    #expect(try changed(all, picture(), seed: 2) != first)
    for image in 0..<5 {
      let alone = centre(try changed("shift:0.1", picture(), image: image))
      let withMore = centre(try changed("shift:0.1,elastic:0.001,contrast:0.01", picture(), image: image))
      #expect(abs(alone.x - withMore.x) < 0.5 && abs(alone.y - withMore.y) < 0.5)
    }
  }

  @Test("changes stay within their bounds, reach most of them, and never mirror")
  func bounded() throws {
    let start = centre(picture())
    var (farthest, low, high) = (0.0, 1.0, 1.0)
    for image in 0..<60 {
      let shifted = centre(try changed("shift:0.1", picture(), image: image))
      let moved = max(abs(shifted.x - start.x), abs(shifted.y - start.y))
      #expect(moved <= 0.1 * 48 + 0.5)
      farthest = max(farthest, moved)
      let scaled = try changed("scale:0.25", picture(), image: image)
      let area = Double(scaled.values.count { $0 > 150 }) / Double(picture().values.count { $0 > 150 })
      (low, high) = (min(low, area), max(high, area))
      let bent = centre(try changed("elastic:0.05", picture(), image: image))
      #expect(abs(bent.x - start.x) <= 0.05 * 48 + 0.5 && abs(bent.y - start.y) <= 0.05 * 48 + 0.5)
      // The square stays on its side.
      let all = centre(try changed("shift:0.1,scale:0.2,contrast:0.2,elastic:0.05", picture(), image: image))
      #expect(all.x < 24)
    }
    #expect(farthest > 3.5)
    #expect(low >= 0.58 && low < 0.75 && high <= 1.7 && high > 1.35)
  }

  @Test("only training sees changed images, and without changes it sees what evaluation sees")
  func training() throws {
    let archive = try SmallArchive()
    _ = try Preprocessor.run(try archive.options())
    let shards = try ShardDirectory(archive.shards)
    func samples(_ text: String?) throws -> ShardSamples {
      try ShardSamples(
        shards, transform: shards.transform, augmentation: text.map { (try ImageAugmentation(text: $0), 3) })
    }
    let (plain, off) = (try samples(nil), try samples("none"))
    let changed = try samples("shift:0.2,contrast:0.5")
    for image in 0..<12 {
      let expected = shards.transform.normalized(try shards.pixels(imageRow: image))
      #expect(try plain.pixels(image: image, epoch: 4) == expected && off.pixels(image: image, epoch: 4) == expected)
      #expect(try changed.pixels(image: image) == expected)
      #expect(try changed.pixels(image: image, epoch: 0) == changed.pixels(image: image, epoch: 0))
    }
    #expect(try changed.pixels(image: 0, epoch: 0) != plain.pixels(image: 0))
    #expect(try changed.pixels(image: 0, epoch: 0) != changed.pixels(image: 0, epoch: 1))
  }

  @Test("contrast changes about the mean, within 0 and 255")
  func contrast() throws {
    func mean(_ pixels: ImagePixels) -> Double {
      Double(pixels.values.reduce(0) { $0 + Int($1) }) / Double(pixels.values.count)
    }
    func spread(_ pixels: ImagePixels) -> Double {
      let middle = mean(pixels)
      return pixels.values.reduce(0) { $0 + abs(Double($1) - middle) } / Double(pixels.values.count)
    }
    let quiet = ImagePixels(values: (0..<1024).map { UInt8(100 + $0 % 40) }, size: 32, channels: 1)
    for image in 0..<20 {
      let result = try changed("contrast:0.5", quiet, image: image)
      #expect(abs(mean(result) - mean(quiet)) < 1)
      #expect((0.48...1.52).contains(spread(result) / spread(quiet)))
    }
  }

  @Test("what is shifted in from outside is black")
  func outside() throws {
    let white = ImagePixels(values: [UInt8](repeating: 255, count: 400), size: 20, channels: 1)
    let black = (0..<10).map { image in
      (try? changed("shift:0.25", white, image: image))?.values.count { $0 == 0 } ?? 0
    }
    #expect(black.contains { $0 >= 20 })
  }

  @Test("what cannot be read is refused, a flip with the reason")
  func refused() throws {
    for text in ["", "shift", "shift:2", "shift:-0.1", "shift:0.1,shift:0.1", "rotate:0.1", "elastic:nan", "scale:"] {
      let error = #expect(throws: CarinaError.self, "\(text)") { try ImageAugmentation(text: text) }
      #expect(error?.kind == .usage)
    }
    let flip = #expect(throws: CarinaError.self) { try ImageAugmentation(text: "flip:0.5") }
    #expect(flip?.description.contains("side matters") == true)
    let text = "shift:0.05,scale:0.1,contrast:0.2,elastic:0.02"
    #expect(try ImageAugmentation(text: text).description == text)
    #expect(try ImageAugmentation(text: "none").description == "none")
  }
}
