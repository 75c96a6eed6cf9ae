import CarinaModel
import CarinaTensor

extension ActivationMemory {
  /// What one block of a trained tower of SigLIP keeps, of images or of texts.
  func towerBlock(width: Int, inner: Int, rows: Int) -> BufferBytes {
    var bytes = BufferBytes()
    bytes.add(rows, width, count: 2)
    bytes.add(rows, width, size: narrow, count: 3)
    bytes.add(rows, inner, size: narrow)
    bytes.add(rows, 1, count: 4)
    let size = precision.byteCount
    bytes.add(rows, width, size: size, count: 3)
    bytes.add(rows, inner, size: size)
    return bytes
  }

  /// What a tower needs at once, whether or not anything is kept.
  func towerForward(width: Int, inner: Int, rows: Int) -> BufferBytes {
    var bytes = BufferBytes()
    bytes.add(rows, width, count: 2)
    bytes.add(rows, width, size: narrow, count: 3)
    bytes.add(rows, inner, size: narrow, count: 2)
    if precision != activations {
      bytes.add(rows, width, size: 2)
      bytes.add(rows, inner, size: 2)
    }
    return bytes
  }

  /// What the vision encoder needs at once off the tape, in attention or in the MLP, whichever is more.
  /// - Parameters:
  ///   - rounds: whether its products are of bytes.
  ///   - fuses: whether in bf16 activation and rounding are left to products.
  func visionPass(_ config: VisionConfig, rows: Int, rounds: Bool, fuses: Bool) -> BufferBytes {
    let width = config.hiddenSize, inner = config.intermediateSize, size = rounds ? 1 : precision.byteCount
    let isNarrow = precision != activations || rounds
    var shared = BufferBytes(), attention = BufferBytes(), mlp = BufferBytes()
    // The residual stream, and its norm.
    shared.add(rows, width)
    shared.add(rows, width, size: narrow)
    if isNarrow { shared.add(rows, width, size: size) }
    attention.add(rows, width, size: narrow, count: 4)
    mlp.add(rows, width)
    if rounds || !(fuses && precision == .bfloat16) {
      mlp.add(rows, inner, size: narrow, count: rounds ? 1 : 2)
      if isNarrow { mlp.add(rows, inner, size: size) }
    } else {
      mlp.add(rows, inner, size: 2)
    }
    return shared + .larger(attention, mlp)
  }

  /// What the backward pass of a tower's block needs at once: the gradients around its activation, and of the residual
  /// stream and what is added to it.
  func towerBackward(width: Int, inner: Int, rows: Int) -> BufferBytes {
    var bytes = BufferBytes()
    bytes.add(rows, inner, size: narrow, count: 2)
    bytes.add(rows, width, count: 3)
    if precision != activations { bytes.add(rows, inner, size: 2) }
    return bytes
  }

  /// What the pooling head of images keeps, besides one row an image: keys and values, and the rounded features.
  func poolingHead(_ config: VisionConfig, rows: Int) -> BufferBytes {
    var bytes = BufferBytes()
    bytes.add(rows, config.hiddenSize, size: narrow, count: 3)
    bytes.add(rows, config.hiddenSize, size: precision.byteCount)
    return bytes
  }

  /// What the sigmoid loss needs at once: embeddings with their gradients, before and behind their normalisation, and
  /// similarities, logits and slopes.
  func contrast(images: Int, texts: Int, width: Int) -> BufferBytes {
    var bytes = BufferBytes()
    bytes.add(images, width, count: 4)
    bytes.add(texts, width, count: 4)
    bytes.add(images, texts, count: 3)
    return bytes
  }
}
