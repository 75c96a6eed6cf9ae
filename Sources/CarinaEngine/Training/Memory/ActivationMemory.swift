import CarinaModel
import CarinaTensor

/// What the tape keeps of each part of the joined model, and what a part needs besides while it runs, tensor by tensor.
///
/// It follows the operations: a norm keeps its input, a trained product its input in the product's type, attention its
/// three arguments, a gate its two.
struct ActivationMemory {
  let precision: ElementType
  /// How the backend stores what its operations give, but for the residual stream.
  var activations = ElementType.float32
  /// Bytes of logits that the loss forms at once.
  var logitChunkByteCount = 64 << 20
  /// Whether attention keeps its result and a number for each row and head.
  var keepsAttentionOutput = false
  /// Whether the decoder's matrices are multiplied in bytes: its gates are kept in `precision` then, not as they are.
  var roundsDecoder = false

  /// Bytes of a number of an activation.
  var narrow: Int { activations.byteCount }

  /// What one decoder block keeps: `rows` in, `read` rows out (fewer than in only in the last block).
  func decoderBlock(_ config: DecoderConfig, rows: Int, read: Int, isTrained: Bool) -> BufferBytes {
    let width = config.hiddenSize, inner = config.intermediateSize
    let heads = config.headCount * config.headSize, keys = config.keyValueHeadCount * config.headSize
    var bytes = BufferBytes()
    // Inputs of the first norm, and of the keys' norm, rotation and attention; values.
    bytes.add(rows, width)
    bytes.add(rows, keys, size: narrow, count: 4)
    bytes.add(read, heads, size: narrow, count: 3)
    // Inputs of the other three norms, and of the gate.
    bytes.add(read, width)
    bytes.add(read, width, size: narrow, count: 2)
    bytes.add(read, inner, size: roundsDecoder ? precision.byteCount : narrow, count: 2)
    // One over the root of each normed row.
    bytes.add(rows, 1)
    bytes.add(rows, config.keyValueHeadCount)
    bytes.add(read, config.headCount)
    bytes.add(read, 1, count: 3)
    if keepsAttentionOutput {
      bytes.add(read, config.headCount)
      // A trained map keeps it as its input.
      if !isTrained || precision != activations { bytes.add(read, heads, size: narrow) }
    }
    guard isTrained else { return bytes }
    if precision == .bfloat16 {
      // Keys, values and, where all rows are read, queries share one rounded input; gate and up another.
      bytes.add(rows, width, size: 2)
      if read != rows { bytes.add(read, width, size: 2) }
      bytes.add(read, width, size: 2)
      bytes.add(read, heads, size: 2)
      bytes.add(read, inner, size: 2)
    } else {
      bytes.add(rows, width)
      if read != rows { bytes.add(read, width) }
      bytes.add(read, heads)
      bytes.add(read, width)
      bytes.add(read, inner)
    }
    return bytes
  }

  /// What a decoder block needs at once off the tape, in attention or in the MLP, whichever is more.
  /// - Parameters:
  ///   - rounds: whether its products are of bytes.
  ///   - fuses: whether in bf16 the gate and rounding are left to products.
  func decoderPass(_ config: DecoderConfig, rows: Int, rounds: Bool, fuses: Bool) -> BufferBytes {
    let width = config.hiddenSize, inner = config.intermediateSize, size = rounds ? 1 : precision.byteCount
    let isNarrow = precision != activations || rounds
    var shared = BufferBytes(), attention = BufferBytes(), mlp = BufferBytes()
    // The residual stream, its norm, and what is added to it.
    shared.add(rows, width, count: 2)
    shared.add(rows, width, size: narrow)
    if isNarrow { shared.add(rows, width, size: size) }
    attention.add(rows, config.headCount * config.headSize, size: narrow, count: 3)
    attention.add(rows, config.keyValueHeadCount * config.headSize, size: narrow, count: 3)
    mlp.add(rows, width)
    if fuses && precision == .bfloat16 {
      mlp.add(rows, inner, size: narrow)
      mlp.add(rows, inner, size: 2)
    } else {
      mlp.add(rows, inner, size: narrow, count: 3)
    }
    return shared + .larger(attention, mlp)
  }

  /// What a decoder block's backward pass needs at once: the three gradients around its gate, those of its factors in 8
  /// bits and for adapters in 16 where products are of bytes, and the gradient of the residual stream.
  func decoderBackward(_ config: DecoderConfig, rows: Int) -> BufferBytes {
    var bytes = BufferBytes()
    if roundsDecoder && precision == .bfloat16 {
      bytes.add(rows, config.intermediateSize, size: narrow)
      bytes.add(rows, config.intermediateSize, size: 1, count: 2)
      bytes.add(rows, config.intermediateSize, size: 2, count: 2)
    } else {
      bytes.add(rows, config.intermediateSize, size: narrow, count: 3)
    }
    bytes.add(rows, config.hiddenSize)
    return bytes
  }

  /// What one block of a trained vision encoder keeps.
  func visionBlock(_ config: VisionConfig, rows: Int) -> BufferBytes {
    towerBlock(width: config.hiddenSize, inner: config.intermediateSize, rows: rows)
  }

  /// What the vision encoder needs at once, whether or not anything is kept.
  func visionForward(_ config: VisionConfig, rows: Int) -> BufferBytes {
    towerForward(width: config.hiddenSize, inner: config.intermediateSize, rows: rows)
  }

  /// What the projector keeps of `rows` rows as the decoder takes them. Averages of patches are its own; the features
  /// that they are of are kept by nobody.
  func projector(_ config: ProjectorConfig, rows: Int, isTrained: Bool, isRecorded: Bool) -> BufferBytes {
    var bytes = BufferBytes()
    if config.form == .gemma3 {
      guard isRecorded else { return bytes }
      // Input of the norm with one over the root of each row, and of the matrix.
      bytes.add(rows, config.inputSize)
      bytes.add(rows, 1)
      bytes.add(rows, config.inputSize, size: precision.byteCount)
      return bytes
    }
    if isRecorded { bytes.add(rows, config.hiddenSize, size: narrow) }
    if isTrained {
      bytes.add(rows, config.inputSize, size: precision.byteCount)
      bytes.add(rows, config.hiddenSize, size: precision.byteCount)
    }
    return bytes
  }

  /// What the loss needs at once: a chunk of logits, the same in the product's type, and the gradient of the rows.
  func loss(_ config: DecoderConfig, supervised: Int) -> BufferBytes {
    let chunk = max(1, min(supervised, logitChunkByteCount / (config.vocabularySize * 4)))
    var bytes = BufferBytes()
    bytes.add(chunk, config.vocabularySize)
    bytes.add(supervised, config.hiddenSize, count: 2)
    if precision == .bfloat16 {
      bytes.add(chunk, config.vocabularySize, size: 2)
      bytes.add(supervised, config.hiddenSize, size: 2)
    }
    return bytes
  }
}
