import Carina
import Foundation
import Testing

@Suite struct ResamplingTests {
  let goldens: ImageGoldens

  init() throws { goldens = try ImageGoldens() }

  @Test("bicubic resizing gives Pillow's bytes over odd sizes, up and down, in both orders of passes")
  func resizes() throws {
    let cases = try #require(goldens.json["resizes"]?.array)
    #expect(cases.count == 132)
    for golden in cases {
      let source = golden["source"]?.array?.compactMap(\.int) ?? []
      let target = golden["target"]?.array?.compactMap(\.int) ?? []
      let pixels = ImageGoldens.noise(source[0], source[1], source[2])
      for (order, key) in [(PassOrder.adaptive, "adaptive"), (.horizontalFirst, "horizontalFirst")] {
        for vectorized in [true, false] {
          let resized = try PillowResampling.resize(
            pixels, width: source[0], height: source[1], channels: source[2], toWidth: target[0], height: target[1],
            order: order, vectorized: vectorized)
          #expect(
            ImageGoldens.digest(resized) == golden[key]?.string, "\(source) to \(target), \(key), \(vectorized)")
        }
      }
    }
  }

  @Test("a small example, value by value")
  func example() throws {
    let golden = try #require(goldens.json["resizeExample"])
    func values(_ key: String) -> [UInt8] {
      (golden[key]?.array ?? []).flatMap { $0.array?.compactMap(\.int) ?? [] }.map(UInt8.init)
    }
    #expect(
      try PillowResampling.resize(values("source"), width: 5, height: 4, channels: 1, toWidth: 3, height: 3)
        == values("target"))
  }

  @Test("grey resized is a channel of the same image in three channels")
  func greyEqualsColour() throws {
    for (width, height) in [(31, 64), (200, 11), (5, 5)] {
      let grey = ImageGoldens.noise(width, height, 1)
      let resized = try PillowResampling.resize(
        grey, width: width, height: height, channels: 1, toWidth: 24, height: 24)
      let colour = try PillowResampling.resize(
        grey.flatMap { [$0, $0, $0] }, width: width, height: height, channels: 3, toWidth: 24, height: 24)
      #expect(colour == resized.flatMap { [$0, $0, $0] })
    }
  }

  @Test("vector and plain kernels agree on random sizes")
  func twins() throws {
    var generator = SeededGenerator(seed: 3, stream: "resize twins")
    for _ in 0..<60 {
      let size = (0..<4).map { _ in 1 + generator.integer(below: 150) }
      let channels = generator.integer(below: 2) * 2 + 1
      let pixels = (0..<size[0] * size[1] * channels).map { _ in UInt8(generator.integer(below: 2) * 255) }
      let pair = try [true, false].map {
        try PillowResampling.resize(
          pixels, width: size[0], height: size[1], channels: channels, toWidth: size[2], height: size[3], vectorized: $0
        )
      }
      #expect(pair[0] == pair[1], "\(size)")
    }
  }
}
