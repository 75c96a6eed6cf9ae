import Carina
import Foundation
import Testing

@Suite struct PhantomRendererTests {
  private static let size = 96

  /// A PA scene without findings, noise, rotation or displacement.
  private static func normal(patient: Int = 3) -> PhantomScene {
    var scene = PhantomSampler(seed: 5).patient(patient)[0]
    scene.findings = PhantomFindings()
    scene.view = .pa
    scene.acquisition.noise = 0
    scene.acquisition.rotation = 0
    scene.acquisition.shiftX = 0
    scene.acquisition.shiftY = 0
    scene.acquisition.zoom = 1
    scene.acquisition.expiration = 0.01
    scene.acquisition.findingOffsets = [0, 0, 0, 0, 0, 0, 0, 0]
    return scene
  }

  /// Mean grey value of a rectangle given in fractions of the image.
  private static func mean(_ pixels: [UInt8], x: ClosedRange<Double>, y: ClosedRange<Double>) -> Double {
    var sum = 0
    var count = 0
    for row in Int(y.lowerBound * Double(size))...Int(y.upperBound * Double(size)) {
      for column in Int(x.lowerBound * Double(size))...Int(x.upperBound * Double(size)) {
        sum += Int(pixels[row * size + column])
        count += 1
      }
    }
    return Double(sum) / Double(count)
  }

  /// Mean change that findings bring to a rectangle on a patient's side; `distance` is counted from the midline.
  private static func change(
    _ side: PhantomSide, distance: ClosedRange<Double>, y: ClosedRange<Double>, _ set: (inout PhantomFindings) -> Void
  ) -> Double {
    let before = normal()
    var after = before
    set(&after.findings)
    let x =
      side == .right
      ? 0.5 - distance.upperBound...0.5 - distance.lowerBound
      : 0.5 + distance.lowerBound...0.5 + distance.upperBound
    return mean(PhantomRenderer.render(after, size: size), x: x, y: y)
      - mean(PhantomRenderer.render(before, size: size), x: x, y: y)
  }

  @Test("the same scene gives the same bytes, another seed others")
  func deterministic() {
    let scene = PhantomSampler(seed: 1).patient(0)[0]
    let again = PhantomSampler(seed: 1).patient(0)[0]
    #expect(scene == again)
    #expect(PhantomRenderer.render(scene, size: 64) == PhantomRenderer.render(again, size: 64))
    let other = PhantomSampler(seed: 2).patient(0)[0]
    #expect(PhantomRenderer.render(scene, size: 64) != PhantomRenderer.render(other, size: 64))
  }

  @Test("lungs are dark, the middle and the abdomen bright, the outside black", arguments: [0, 1, 2, 3, 4, 5])
  func normalAnatomy(patient: Int) {
    let pixels = PhantomRenderer.render(Self.normal(patient: patient), size: Self.size)
    let lungs = PhantomSide.allCases.map { side in
      Self.mean(pixels, x: side == .right ? 0.25...0.38 : 0.64...0.75, y: 0.25...0.45)
    }
    let heart = Self.mean(pixels, x: 0.48...0.58, y: 0.58...0.66)
    let abdomen = Self.mean(pixels, x: 0.25...0.4, y: 0.88...0.98)
    for lung in lungs {
      #expect(heart > lung + 60)
      #expect(abdomen > lung + 60)
      #expect(lung > 25)
    }
    #expect(Self.mean(pixels, x: 0...0.02, y: 0.75...0.95) < 10)
  }

  @Test("fluid whitens the base of its own side only, and more of it reaches higher", arguments: PhantomSide.allCases)
  func effusion(side: PhantomSide) {
    let angle = 0.31...0.34
    for amount in PhantomEffusion.Amount.allCases {
      let set: (inout PhantomFindings) -> Void = { $0.effusion = PhantomEffusion(side, amount) }
      #expect(Self.change(side, distance: angle, y: 0.70...0.72, set) > 30)
      #expect(Self.change(side.opposite, distance: 0.05...0.4, y: 0.1...0.8, set) == 0)
      let lower = Self.change(side, distance: 0.25...0.3, y: 0.56...0.6, set)
      let upper = Self.change(side, distance: 0.2...0.25, y: 0.36...0.4, set)
      #expect((lower > 30) == (amount != .small))
      #expect((upper > 30) == (amount == .large))
    }
  }

  @Test("air darkens the outer upper part of its own side only", arguments: PhantomSide.allCases)
  func pneumothorax(side: PhantomSide) {
    let set: (inout PhantomFindings) -> Void = { $0.pneumothorax = side }
    #expect(Self.change(side, distance: 0.24...0.29, y: 0.3...0.4, set) < -15)
    #expect(Self.change(side.opposite, distance: 0.05...0.4, y: 0.1...0.8, set) == 0)
  }

  @Test("consolidation and nodule brighten their own zone and no other", arguments: PhantomZone.all)
  func zones(zone: PhantomZone) {
    let heights: [PhantomZone.Height: ClosedRange<Double>] = [
      .upper: 0.21...0.26, .mid: 0.38...0.43, .lower: 0.56...0.61,
    ]
    for other in PhantomZone.all {
      guard let y = heights[other.height] else { continue }
      let lateral = other == PhantomZone(.left, .lower) ? 0.22...0.3 : 0.17...0.24
      let white = Self.change(other.side, distance: lateral, y: y) { $0.consolidation = zone }
      let round = Self.change(other.side, distance: lateral, y: y) { $0.nodule = zone }
      if other == zone {
        #expect(white > 35)
        #expect(round > 15)
      } else {
        #expect(abs(white) < 8)
        #expect(abs(round) < 2)
      }
    }
  }

  @Test("an enlarged heart is wider, and no ratio lies between the two ranges")
  func heart() {
    #expect(Self.change(.left, distance: 0.2...0.22, y: 0.58...0.62) { $0.cardiomegaly = true } > 40)
    let scenes = PhantomSampler(seed: 9).scenes(500)
    let widest = scenes.map(\.anatomy.normalRatio).max() ?? 0
    let narrowest = scenes.map(\.anatomy.enlargedRatio).min() ?? 0
    #expect(narrowest - widest > 0.1)
  }

  @Test("each device leaves bright marks and only where it lies")
  func devices() {
    func middle(_ device: PhantomDevice) -> Double {
      Self.change(.left, distance: -0.01...0.01, y: 0.05...0.2) { $0.device = device }
    }
    #expect(middle(.endotrachealTube) > 8)
    #expect(middle(.gastricTube) > 8)
    #expect(middle(.pacemaker(.left)) < 1)
    for side in PhantomSide.allCases {
      let generator = Self.change(side, distance: 0.29...0.33, y: 0.22...0.28) { $0.device = .pacemaker(side) }
      #expect(generator > 40)
      let catheter = Self.change(side, distance: 0.15...0.25, y: 0.15...0.22) { $0.device = .centralLine(side) }
      let elsewhere = Self.change(side.opposite, distance: 0.15...0.25, y: 0.15...0.22) {
        $0.device = .centralLine(side)
      }
      #expect(catheter > 8)
      #expect(elsewhere == 0)
    }
  }

  @Test("sizes agree: a large picture averaged down looks like a small one")
  func resolutions() {
    let scene = Self.normal()
    let small = PhantomRenderer.render(scene, size: 64)
    let large = PhantomRenderer.render(scene, size: 256)
    var difference = 0.0
    for row in 0..<64 {
      for column in 0..<64 {
        var sum = 0
        for y in 0..<4 { for x in 0..<4 { sum += Int(large[(4 * row + y) * 256 + 4 * column + x]) } }
        difference += abs(Double(sum) / 16 - Double(small[row * 64 + column]))
      }
    }
    #expect(difference / (64 * 64) < 4)
  }
}
