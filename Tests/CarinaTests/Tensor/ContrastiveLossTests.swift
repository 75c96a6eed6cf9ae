import Foundation
import TestSupport
import Testing

import Carina

private func normalizeTwin(_ x: [Double], width: Int) -> [Double] {
  stride(from: 0, to: x.count, by: width).flatMap { start -> [Double] in
    let row = x[start..<start + width]
    let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return row.map { $0 / length }
  }
}

private func lossTwin(
  _ images: [Double], _ texts: [Double], width: Int, _ isPositive: [Bool], logScale: Double, bias: Double
) -> Double {
  let a = DoubleMatrix(images, rows: images.count / width, columns: width)
  let b = DoubleMatrix(texts, rows: texts.count / width, columns: width)
  let similarities = (a * b.transposed).values
  let terms = zip(similarities, isPositive).map { similarity, isPositive -> Double in
    let logit = exp(logScale) * similarity + bias
    return log(1 + exp(isPositive ? -logit : logit))
  }
  return terms.reduce(0, +) / Double(a.rows)
}

@Suite("Contrastive loss") struct ContrastiveLossTests {
  @Test("rows are divided by their length; the gradient is the slope", arguments: [(1, 1), (3, 7), (5, 33), (9, 130)])
  func normalize(rows: Int, width: Int) {
    let tape = Tape()
    let x = tape.watch(Tensor.random([rows, width], seed: 1, in: 0.1..<2))
    let out = l2Normalize(x, tape: tape)
    expectClose(out.doubles, normalizeTwin(x.doubles, width: width), relative: 1e-6)
    let seed = Tensor.random([rows, width], seed: 2)
    tape.backward(from: out, seed: seed)
    expectGradient(tape.gradient(of: x), at: x.doubles, elements: 60, absolute: 2e-7) {
      weightedSum(normalizeTwin($0, width: width), seed.doubles)
    }
    #expect(l2Normalize(x.detached, tape: tape).node == nil)
  }

  @Test("loss, logits and gradients agree with the definition", arguments: [(1, 1), (3, 5), (7, 2), (4, 4)])
  func loss(imageCount: Int, textCount: Int) {
    let width = 6
    var generator = SeededGenerator(seed: 3, stream: "labels")
    let isPositive = (0..<imageCount * textCount).map { _ in generator.uniform() < 0.4 }
    let tape = Tape()
    let images = tape.watch(Tensor.random([imageCount, width], seed: 4))
    let texts = tape.watch(Tensor.random([textCount, width], seed: 5))
    let logScale = Parameter(name: "s", value: Tensor([1.3], shape: [1]), decays: true)
    let bias = Parameter(name: "b", value: Tensor([-0.8], shape: [1]), decays: false)
    logScale.setTrainable(true)
    bias.setTrainable(true)
    let (loss, logits) = sigmoidContrastiveLoss(
      images: images, texts: texts, isPositive: isPositive, logScale: logScale, bias: bias, tape: tape)
    let (i, t, s, b) = (images.doubles, texts.doubles, Double(Float(1.3)), Double(Float(-0.8)))
    let expected = lossTwin(i, t, width: width, isPositive, logScale: s, bias: b)
    expectClose(loss, [expected], relative: 1e-6)
    let products = DoubleMatrix(images.detached) * DoubleMatrix(texts.detached).transposed
    expectClose(logits.doubles, products.values.map { exp(s) * $0 + b }, relative: 2e-6)
    tape.backward(from: loss)
    expectGradient(tape.gradient(of: images), at: i, "images") {
      lossTwin($0, t, width: width, isPositive, logScale: s, bias: b)
    }
    expectGradient(tape.gradient(of: texts), at: t, "texts") {
      lossTwin(i, $0, width: width, isPositive, logScale: s, bias: b)
    }
    expectGradient(logScale.gradient, at: [s], "scale") {
      lossTwin(i, t, width: width, isPositive, logScale: $0[0], bias: b)
    }
    expectGradient(bias.gradient, at: [b], "bias") {
      lossTwin(i, t, width: width, isPositive, logScale: s, bias: $0[0])
    }
  }

  @Test("logits of hundreds neither overflow nor lose the loss")
  func extreme() {
    let one = Tensor([1, 0], shape: [1, 2])
    let two = Tensor([1, 0, -1, 0], shape: [2, 2])
    let scale = Parameter(name: "s", value: Tensor([Float(log(500.0))], shape: [1]), decays: true)
    let bias = Parameter(name: "b", value: Tensor([0], shape: [1]), decays: false)
    func loss(_ isPositive: [Bool]) -> Float {
      sigmoidContrastiveLoss(
        images: one, texts: two, isPositive: isPositive, logScale: scale, bias: bias, tape: nil
      ).loss.values[0]
    }
    #expect(loss([true, false]) == 0)
    expectClose([loss([false, true])], [1000.0], relative: 1e-6)
  }

  @Test("frozen towers, scale and bias get nothing and leave nothing on the tape")
  func frozen() {
    let images = Tensor.random([2, 3], seed: 6), texts = Tensor.random([2, 3], seed: 7)
    let scale = Parameter.random("s", [1], seed: 8, trainable: false)
    let bias = Parameter.random("b", [1], seed: 9, trainable: false)
    let labels = [true, false, false, true]
    let tape = Tape()
    let quiet = sigmoidContrastiveLoss(
      images: images, texts: texts, isPositive: labels, logScale: scale, bias: bias, tape: tape)
    #expect(quiet.loss.node == nil)
    let watched = tape.watch(texts)
    let loss = sigmoidContrastiveLoss(
      images: images, texts: watched, isPositive: labels, logScale: scale, bias: bias, tape: tape
    ).loss
    tape.backward(from: loss)
    #expect(tape.gradient(of: watched) != nil)
    #expect(scale.gradient == nil && bias.gradient == nil)
  }
}
