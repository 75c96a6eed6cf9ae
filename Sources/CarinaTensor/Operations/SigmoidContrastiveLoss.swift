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
  let similarities = Tensor(uninitialized: [imageCount, textCount])
  let imageOperand = MatrixOperand(images, rows: imageCount, columns: width)
  let textOperand = MatrixOperand(texts, rows: textCount, columns: width)
  MatrixProduct.multiply(imageOperand, textOperand.transposed, into: similarities.floats, accumulate: false)

  let scale = exp(logScale.value.values[0]), shift = bias.value.values[0]
  let logits = Tensor(uninitialized: [imageCount, textCount])
  let slopes = Tensor(uninitialized: [imageCount, textCount])
  var sum = 0.0, scaleSlope = 0.0, biasSlope = 0.0
  for index in 0..<imageCount * textCount {
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
  let loss = Tensor([Float(sum / Double(divisor))], shape: [1])
  guard let tape, images.node != nil || texts.node != nil || logScale.isTrainable || bias.isTrainable else {
    return (loss, logits)
  }
  let imageNode = images.node, textNode = texts.node, imageValues = images.detached, textValues = texts.detached
  let recorded = tape.record(loss) { upstream in
    precondition(upstream.floats[0] == 1, "the contrastive loss must be the end of the tape")
    if logScale.isTrainable { logScale.gradientForAccumulation().floats[0] += Float(scaleSlope) }
    if bias.isTrainable { bias.gradientForAccumulation().floats[0] += Float(biasSlope) }
    let slopeOperand = MatrixOperand(slopes, rows: imageCount, columns: textCount)
    if let imageNode {
      let gradient = Tensor(uninitialized: [imageCount, width])
      MatrixProduct.multiply(
        slopeOperand, MatrixOperand(textValues, rows: textCount, columns: width), into: gradient.floats,
        accumulate: false)
      imageNode.accumulate(gradient, isFresh: true)
    }
    if let textNode {
      let gradient = Tensor(uninitialized: [textCount, width])
      MatrixProduct.multiply(
        slopeOperand.transposed, MatrixOperand(imageValues, rows: imageCount, columns: width), into: gradient.floats,
        accumulate: false)
      textNode.accumulate(gradient, isFresh: true)
    }
  }
  return (recorded, logits)
}
