import Carina
import TestSupport
import Testing

@Suite("CUDA: losses", .enabled(if: CUDATestDevice.isPresent, Comment(rawValue: CUDATestDevice.reason)))
struct CUDALossTests {
  private let cpu = TestBackend.cpu
  private let card: CUDABackend

  init() throws { card = try CUDATwin.card.get() }

  @Test("cross-entropy and its gradient, plain and smoothed", arguments: CUDATwin.types)
  func crossEntropy(type: ElementType) throws {
    for width in [1, 5, 1000, 1003, 20_000] {
      let targets: [Int32] = [0, Int32(width - 1), Int32(width / 2)]
      for scale: Float in [0, 0.01] {
        for smoothing: Float in [0, 0.1] {
          let logits = try CUDATwin.pair([3, width], type, seed: 1, in: -8..<8)
          let losses = try CUDATwin.unset([3]), expected = Tensor(uninitialized: [3], on: TestBackend.cpu)
          if smoothing == 0 {
            card.crossEntropy(logits.card, targets: targets[...], scale: scale, losses: losses)
            cpu.crossEntropy(logits.host, targets: targets[...], scale: scale, losses: expected)
          } else {
            card.smoothedCrossEntropy(
              logits.card, targets: targets[...], scale: scale, smoothing: smoothing, losses: losses)
            cpu.smoothedCrossEntropy(
              logits.host, targets: targets[...], scale: scale, smoothing: smoothing, losses: expected)
          }
          let label = "width \(width), scale \(scale), smoothing \(smoothing)"
          CUDATwin.expectAgree(losses, expected, "losses, \(label)")
          CUDATwin.expectAgree(logits.card, logits.host, relative: 1e-4, "gradient, \(label)")
        }
      }
    }
    try CUDATwin.expectNoFailure()
  }

  @Test("logits far apart neither overflow nor vanish")
  func extremeLogits() throws {
    var values = [Float](repeating: -1e30, count: 2 * 100)
    values[3] = 1e4
    values[150] = -1e30
    let host = Tensor(values, shape: [2, 100], on: TestBackend.cpu), onCard = try CUDATwin.onCard(host)
    let losses = try CUDATwin.unset([2]), expected = Tensor(uninitialized: [2], on: TestBackend.cpu)
    card.crossEntropy(onCard, targets: [3, 50], scale: 1, losses: losses)
    cpu.crossEntropy(host, targets: [3, 50], scale: 1, losses: expected)
    CUDATwin.expectAgree(losses, expected, "losses")
    CUDATwin.expectAgree(onCard, host, "gradient")
    try CUDATwin.expectNoFailure()
  }

  @Test("the sigmoid loss, its logits and slopes")
  func sigmoidContrast() throws {
    for count in [1, 37 * 41] {
      let similarities = try CUDATwin.pair([1, count], seed: 2)
      let isPositive = (0..<count).map { $0 % 37 == 0 }
      let logits = try CUDATwin.unset([1, count]), slopes = try CUDATwin.unset([1, count])
      let expectedLogits = Tensor(uninitialized: [1, count], on: TestBackend.cpu),
        expectedSlopes = Tensor(uninitialized: [1, count], on: TestBackend.cpu)
      let found = card.sigmoidContrast(
        similarities.card, isPositive, scale: 10, shift: -8, divisor: 37, logits: logits, slopes: slopes)
      let expected = cpu.sigmoidContrast(
        similarities.host, isPositive, scale: 10, shift: -8, divisor: 37, logits: expectedLogits, slopes: expectedSlopes
      )
      expectClose(
        [found.loss, found.scaleSlope, found.biasSlope], [expected.loss, expected.scaleSlope, expected.biasSlope],
        relative: 1e-5, scale: .element, "sums")
      CUDATwin.expectAgree(logits, expectedLogits, "logits")
      CUDATwin.expectAgree(slopes, expectedSlopes, "slopes")

      let logScale = Tensor([2.5], shape: [1], on: TestBackend.cpu),
        bias = Tensor([-8], shape: [1], on: TestBackend.cpu)
      let stays = card.sigmoidContrast(
        similarities.card, isPositive, logScale: try CUDATwin.onCard(logScale), bias: try CUDATwin.onCard(bias),
        divisor: 37, logits: logits, slopes: slopes)
      let read = cpu.sigmoidContrast(
        similarities.host, isPositive, logScale: logScale, bias: bias, divisor: 37, logits: expectedLogits,
        slopes: expectedSlopes)
      for (found, expected) in [
        (stays.loss, read.loss), (stays.scaleSlope, read.scaleSlope), (stays.biasSlope, read.biasSlope),
      ] { CUDATwin.expectAgree(found, expected, "numbers that stay on the card") }
      CUDATwin.expectAgree(logits, expectedLogits, "logits of a scale on the card")
      CUDATwin.expectAgree(slopes, expectedSlopes, "slopes of a scale on the card")
    }
    try CUDATwin.expectNoFailure()
  }

  @Test("the first of the largest logits is found, and none among numbers that are none", arguments: CUDATwin.types)
  func ranking(type: ElementType) throws {
    for width in [1, 37, 1000, 20_000] {
      var values = CUDATwin.random([7, width], seed: 3, in: -8..<8).converted(to: type).values
      // Equal largest ones far apart, one at either end, NaN beside others, and rows without a finite largest number.
      for column in [width / 3, width / 2, width - 1] { values[column] = 9 }
      values[width] = 9
      values[3 * width - 1] = 9
      values[3 * width + width / 2] = .nan
      for column in 0..<width { values[4 * width + column] = .nan }
      for column in 0..<width { values[5 * width + column] = -.infinity }
      values[6 * width + width / 4] = .infinity
      let logits = Tensor(values, shape: [7, width], on: TestBackend.cpu)
      let found = card.argmaxRows(try CUDATwin.onCard(logits.converted(to: type))), expected = cpu.argmaxRows(logits)
      #expect(found == expected, "width \(width)")
    }
    try CUDATwin.expectNoFailure()
  }
}
