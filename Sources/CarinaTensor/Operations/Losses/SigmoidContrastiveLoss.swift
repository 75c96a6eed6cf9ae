import Foundation

/// The sigmoid loss of SigLIP (Zhai et al. 2023) over a batch of images and a set of texts:
/// −Σ log σ(±(t · image·text + b)) / images, with + where the text describes the image.
///
/// - Parameters:
///   - images: [B, E], rows of length 1.
///   - texts: [T, E], rows of length 1.
///   - isPositive: [B · T], row-major: does text t describe image b?
///   - logScale: [1]; t = exp(logScale).
///   - bias: [1].
///   - divisor: what the sum is divided by; the number of images unless given.
/// - Returns: the scalar loss on the tape, and the logits [B, T] off it.
package func sigmoidContrastiveLoss(
  images: Tensor, texts: Tensor, isPositive: [Bool], logScale: Parameter, bias: Parameter, divisor: Float? = nil,
  tape: Tape?
) -> (loss: Tensor, logits: Tensor) {
  let divisor = divisor ?? Float(images.rows)
  let imageCount = images.rows, textCount = texts.rows, width = images.width
  precondition(isPositive.count == imageCount * textCount, "labels for \(imageCount) × \(textCount) pairs expected")
  let backend = images.backend
  let similarities = Tensor(uninitialized: [imageCount, textCount], on: backend)
  let imageFactor = MatrixFactor(images.detached, rows: imageCount, columns: width)
  let textFactor = MatrixFactor(texts.detached, rows: textCount, columns: width)
  backend.multiply(imageFactor, textFactor.transposed, into: similarities, accumulate: false)

  let logits = Tensor(uninitialized: [imageCount, textCount], on: backend)
  let slopes = Tensor(uninitialized: [imageCount, textCount], on: backend)
  let sums = backend.sigmoidContrast(
    similarities, isPositive, logScale: logScale.value.converted(to: .float32),
    bias: bias.value.converted(to: .float32), divisor: divisor, logits: logits, slopes: slopes)
  let loss = sums.loss
  guard let tape, images.node != nil || texts.node != nil || logScale.isTrainable || bias.isTrainable else {
    return (loss, logits)
  }
  let imageNode = images.node, textNode = texts.node
  let recorded = tape.record(loss, isEnd: true) { _ in
    for (parameter, slope) in [(logScale, sums.scaleSlope), (bias, sums.biasSlope)] where parameter.isTrainable {
      let target = parameter.gradientForAccumulation()
      backend.add(target, slope, into: target)
    }
    if let imageNode {
      let gradient = Tensor(uninitialized: [imageCount, width], on: backend)
      backend.multiply(MatrixFactor(slopes), textFactor, into: gradient, accumulate: false)
      imageNode.accumulate(gradient, isFresh: true)
    }
    if let textNode {
      let gradient = Tensor(uninitialized: [textCount, width], on: backend)
      backend.multiply(MatrixFactor(slopes).transposed, imageFactor, into: gradient, accumulate: false)
      textNode.accumulate(gradient, isFresh: true)
    }
  }
  return (recorded, logits)
}

/// The sigmoid loss from similarities.
package protocol ContrastiveKernels {
  /// Logits = scale · similarity + shift, all [B, T], and slopes: the loss's derivatives by the similarities.
  /// - Returns: the sum of −log σ(± logit), and the loss's derivatives by the logarithm of the scale and by the shift.
  func sigmoidContrast(
    _ similarities: Tensor, _ isPositive: [Bool], scale: Float, shift: Float, divisor: Float, logits: Tensor,
    slopes: Tensor
  ) -> (loss: Double, scaleSlope: Double, biasSlope: Double)
  /// The same with scale and shift, exp(logScale) and bias, where they are, [1] fp32 each, and results that stay there,
  /// [1] fp32 each: the loss over the divisor, and its derivatives. Nothing need be read.
  func sigmoidContrast(
    _ similarities: Tensor, _ isPositive: [Bool], logScale: Tensor, bias: Tensor, divisor: Float, logits: Tensor,
    slopes: Tensor
  ) -> (loss: Tensor, scaleSlope: Tensor, biasSlope: Tensor)
}

extension ContrastiveKernels {
  /// By way of the host.
  package func sigmoidContrast(
    _ similarities: Tensor, _ isPositive: [Bool], logScale: Tensor, bias: Tensor, divisor: Float, logits: Tensor,
    slopes: Tensor
  ) -> (loss: Tensor, scaleSlope: Tensor, biasSlope: Tensor) {
    let backend = similarities.backend
    let sums = sigmoidContrast(
      similarities, isPositive, scale: exp(logScale.values[0]), shift: bias.values[0], divisor: divisor, logits: logits,
      slopes: slopes)
    func scalar(_ number: Double) -> Tensor { Tensor([Float(number)], shape: [1], on: backend) }
    return (scalar(sums.loss / Double(divisor)), scalar(sums.scaleSlope), scalar(sums.biasSlope))
  }
}

extension CPUBackend: ContrastiveKernels {
  /// See `ContrastiveKernels`.
  package func sigmoidContrast(
    _ similarities: Tensor, _ isPositive: [Bool], scale: Float, shift: Float, divisor: Float, logits: Tensor,
    slopes: Tensor
  ) -> (loss: Double, scaleSlope: Double, biasSlope: Double) {
    var sum = 0.0, scaleSlope = 0.0, biasSlope = 0.0
    for index in 0..<similarities.count {
      let logit = scale * similarities.floats[index] + shift
      let sign: Float = isPositive[index] ? 1 : -1
      let signed = sign * logit
      // −log σ(z) = log(1 + e^−z), from the side that does not overflow.
      sum += Double(signed > 0 ? log1p(exp(-signed)) : log1p(exp(signed)) - signed)
      let slope = -sign / (1 + exp(signed)) / divisor
      logits.floats[index] = logit
      slopes.floats[index] = slope * scale
      scaleSlope += Double(slope * similarities.floats[index] * scale)
      biasSlope += Double(slope)
    }
    return (sum, scaleSlope, biasSlope)
  }
}
