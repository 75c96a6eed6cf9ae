import CarinaTensor

/// Gemma 3's text decoder (Gemma Team 2025; transformers `Gemma3ForCausalLM`): scaled embeddings, blocks of local and
/// global attention, a last norm, and the embedding table again as the output head, or a head of its own.
public final class Decoder {
  /// Sizes and constants.
  package private(set) var config: DecoderConfig
  /// The table of token embeddings, [V, D].
  package let tokenEmbedding: Parameter
  /// The output head where it is not that table, [V, D].
  private var ownHead: Parameter?
  let blocks: [Gemma3Block]
  let finalNorm: RMSNorm
  private var rotation: (local: RotaryTable, global: RotaryTable)?

  /// Takes the weights, under the names of the checkpoint, from the source.
  package init(_ config: DecoderConfig, from source: ParameterSource) {
    self.config = config
    tokenEmbedding = source.parameter(
      "model.embed_tokens.weight", shape: [config.vocabularySize, config.hiddenSize], decays: true,
      initialization: .normal(standardDeviation: (1 / Double(config.hiddenSize)).squareRoot()))
    blocks = (0..<config.layerCount).map { Gemma3Block(source, config, layer: $0) }
    finalNorm = RMSNorm(source, "model.norm", width: config.hiddenSize, epsilon: config.epsilon)
    ownHead =
      config.hasOwnHead
      ? source.parameter(
        "lm_head.weight", shape: [config.vocabularySize, config.hiddenSize], decays: true,
        initialization: .normal(standardDeviation: (1 / Double(config.hiddenSize)).squareRoot())) : nil
  }

  /// The output head, [V, D]: a table of its own, or that of the embeddings.
  package var head: Parameter { ownHead ?? tokenEmbedding }

  /// Gives the decoder an output head of its own, [V, D].
  package func setHead(_ head: Parameter) {
    precondition(head.shape == tokenEmbedding.shape, "a head of \(head.shape)")
    ownHead = head
    config = config.with(hasOwnHead: true)
  }

  /// Every affine map of the blocks.
  package var maps: [Linear] { blocks.flatMap(\.maps) }

  /// What computes with the weights.
  package var backend: any Backend { tokenEmbedding.value.backend }

  /// Every weight; the tied head counts once.
  package var parameters: [Parameter] {
    [tokenEmbedding] + blocks.flatMap(\.parameters) + [finalNorm.weight] + (ownHead.map { [$0] } ?? [])
  }

  /// Blocks with more weights in their matrices are not packed: products of hundreds of rows gain a twentieth by it,
  /// and the copy takes as much memory as the weights.
  package static let mostPackedWeights = 1 << 30

  /// Lets the blocks' matrices be packed while they are frozen, where they are not too large: for training over a frozen
  /// decoder, where each is read forwards and backwards in every step, and for answering more than one question.
  package func packWhenFrozen() {
    let matrices = blocks.flatMap(\.parameters).filter { $0.shape.count > 1 }
    guard matrices.reduce(0, { $0 + $1.count }) <= Decoder.mostPackedWeights else { return }
    for parameter in matrices { parameter.packWhenFrozen() }
  }

  /// Rounds every matrix of the blocks to 8 bits, and multiplies them in sums of bytes with whatever rows, forwards and
  /// back to the input: for training beside them. Embeddings and output head stay as they are.
  package func multiplyInBytes() {
    for matrices in matricesByInput { Parameter.multiplyInBytes(matrices) }
  }

  /// Every matrix of the blocks, together those that read the same rows.
  package var matricesByInput: [[Parameter]] { blocks.flatMap(\.matricesByInput) }

  /// Rounds every matrix of the blocks and the output head to 8 bits with one scale a row; for inference only. Token
  /// embeddings are still read from the table as it is.
  public func quantizeWeights() {
    for parameter in quantizableWeights { parameter.quantize() }
  }

  /// What `quantizeWeights` rounds.
  package var quantizableWeights: [Parameter] { (blocks.flatMap(\.parameters) + [head]).filter { $0.shape.count > 1 } }

  /// Factor on token embeddings: √D rounded to the type of the table.
  package var embeddingScale: Float {
    let root = Float(Double(config.hiddenSize).squareRoot())
    return tokenEmbedding.value.elementType == .bfloat16 ? root.roundedToBFloat16 : root
  }

  /// Scaled embeddings of tokens, [ids.count, D].
  package func embed(_ ids: [Int], tape: Tape?) -> Tensor {
    embedding(ids, tokenEmbedding, scale: embeddingScale, tape: tape)
  }

  /// The states that the output head reads.
  ///
  /// - Parameters:
  ///   - x: [R, D] embeddings of packed sequences.
  ///   - lengths: rows of each sequence; with a cache, only the new ones.
  ///   - readCounts: how many of each sequence's last rows are wanted; nil for all. What nobody reads is not computed
  ///     in the last block.
  ///   - mutualRuns: rows of each sequence that see each other both ways, a run for each image, each wholly in this
  ///     pass; nil where all rows are causal.
  ///   - cache: keeps keys and values between passes; nil in training.
  ///   - isCheckpointed: blocks keep only their input and run again in the backward pass.
  ///   - observe: called with the state after the embedding (0) and after each block.
  /// - Returns: [rows wanted, D] after the last norm.
  package func hiddenStates(
    _ x: Tensor, lengths: [Int], readCounts: [Int]? = nil, mutualRuns: [[Range<Int>]]? = nil,
    cache: KeyValueCache? = nil, isCheckpointed: Bool = false, tape: Tape?, observe: ((Int, Tensor) -> Void)? = nil
  ) -> Tensor {
    let starts = cache?.lengths ?? [Int](repeating: 0, count: lengths.count)
    let positions = zip(starts, lengths).flatMap { start, count in (start..<start + count).map { Int32($0) } }
    let tables = rotationTables(covering: Int(positions.max() ?? 0) + 1)
    let pass = DecoderPass(
      lengths: lengths, positions: positions, readCounts: readCounts ?? lengths, mutualRuns: mutualRuns,
      localRotation: tables.local,
      globalRotation: tables.global)
    if let cache, tape == nil, observe == nil, let states = nextStates(x, pass, cache) { return states }
    var x = x
    observe?(0, x)
    for (layer, block) in blocks.enumerated() {
      let readRows = layer == blocks.count - 1 ? pass.readRows : nil
      if isCheckpointed && tape != nil {
        x = checkpointed(x, tape: tape) { block($0, pass: pass, readRows: readRows, cache: nil, tape: $1) }
      } else {
        x = block(x, pass: pass, readRows: readRows, cache: cache, tape: tape)
      }
      observe?(layer + 1, x)
    }
    cache?.advance(lengths)
    return finalNorm(x, tape: tape)
  }

  /// Logits [R, V] of states [R, D], off the tape.
  package func logits(_ states: Tensor) -> Tensor { headLogits(states, head: head) }

  private func rotationTables(covering count: Int) -> (local: RotaryTable, global: RotaryTable) {
    if let rotation, rotation.local.positionCount >= count { return rotation }
    var size = 256
    while size < count { size *= 2 }
    let tables = (
      local: RotaryTable(headSize: config.headSize, base: config.localRotaryBase, positionCount: size),
      global: RotaryTable(
        headSize: config.headSize, base: config.globalRotaryBase, positionCount: size, scale: config.globalRotaryScale)
    )
    rotation = tables
    return tables
  }
}
