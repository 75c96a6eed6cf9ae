import CarinaTensor

/// SigLIP's text tower (transformers `SiglipTextModel`): token and position embeddings, the same blocks as the vision
/// tower, a last layer norm, and a linear head on the last position.
package final class TextEncoder {
  /// Sizes and constants.
  package let config: TextEncoderConfig
  private let tokens: Parameter, positions: Parameter
  private let blocks: [SiglipBlock]
  private let finalNorm: LayerNorm
  private let head: Linear

  /// Takes the weights, under the names of a full SigLIP checkpoint (`text_model.…`), from the source.
  package init(_ config: TextEncoderConfig, from source: ParameterSource) {
    self.config = config
    let width = config.hiddenSize, prefix = "text_model"
    tokens = source.parameter(
      "\(prefix).embeddings.token_embedding.weight", shape: [config.vocabularySize, width], decays: true,
      initialization: .normal(standardDeviation: 0.5))
    positions = source.parameter(
      "\(prefix).embeddings.position_embedding.weight", shape: [config.maximumPositions, width], decays: true,
      initialization: .normal(standardDeviation: (1 / Double(width)).squareRoot()))
    blocks = (0..<config.layerCount).map { layer in
      SiglipBlock(
        source, "\(prefix).encoder.layers.\(layer)", hiddenSize: width, intermediateSize: config.intermediateSize,
        headCount: config.headCount, epsilon: config.epsilon, activation: config.activation)
    }
    finalNorm = LayerNorm(source, "\(prefix).final_layer_norm", width: width, epsilon: config.epsilon)
    head = Linear(source, "\(prefix).head", inputs: width, outputs: config.projectionSize)
  }

  /// Every weight.
  package var parameters: [Parameter] {
    [tokens, positions] + blocks.flatMap(\.parameters) + finalNorm.parameters + head.parameters
  }

  /// Every affine map of the blocks.
  package var maps: [Linear] { blocks.flatMap(\.maps) }

  /// Lets the matrices of the blocks be packed while they are frozen; see `Parameter.packWhenFrozen`.
  package func packWhenFrozen() {
    for parameter in blocks.flatMap(\.parameters) where parameter.shape.count > 1 { parameter.packWhenFrozen() }
  }

  /// The final state of every position of texts of equal length.
  ///
  /// - Parameters:
  ///   - texts: ids, all of one length up to `maximumPositions`.
  ///   - isCheckpointed: blocks run again in the backward pass instead of keeping their activations.
  ///   - isFused: see `SiglipBlock`.
  ///   - isInPieces: blocks compute as in `SiglipBlock.inPieces`.
  ///   - observe: called with the state after the embedding (0) and after each block.
  /// - Returns: [texts · length, W].
  package func hiddenStates(
    _ texts: [[Int]], isCheckpointed: Bool = false, isFused: Bool = false, isInPieces: Bool = false, tape: Tape?,
    observe: ((Int, Tensor) -> Void)? = nil
  ) -> Tensor {
    let length = texts.first?.count ?? 0
    precondition(texts.allSatisfy { $0.count == length }, "texts of one length expected")
    precondition(length <= config.maximumPositions, "\(length) tokens exceed \(config.maximumPositions) positions")
    let indices = texts.flatMap { _ in 0..<length }
    var x = add(
      embedding(texts.flatMap { $0 }, tokens, tape: tape), embedding(indices, positions, tape: tape), tape: tape)
    observe?(0, x)
    let lengths = texts.map(\.count)
    for (layer, block) in blocks.enumerated() {
      if isCheckpointed {
        x = checkpointed(x, tape: tape) {
          isInPieces ? block.inPieces($0, lengths: lengths, tape: $1) : block($0, lengths: lengths, tape: $1)
        }
      } else if isInPieces {
        x = block.inPieces(x, lengths: lengths, tape: tape)
      } else {
        x = block(x, lengths: lengths, isFused: isFused, tape: tape)
      }
      observe?(layer + 1, x)
    }
    return finalNorm(x, tape: tape)
  }

  /// One embedding a text: [texts, projection size].
  package func pooled(
    _ texts: [[Int]], isCheckpointed: Bool = false, isFused: Bool = false, isInPieces: Bool = false, tape: Tape?
  ) -> Tensor {
    let length = texts.first?.count ?? 0
    let states = hiddenStates(
      texts, isCheckpointed: isCheckpointed, isFused: isFused, isInPieces: isInPieces, tape: tape)
    return head(selectRows(states, texts.indices.map { ($0 + 1) * length - 1 }, tape: tape), tape: tape)
  }

  /// `ids` cut or filled up with the padding id to the tower's length.
  package func padded(_ ids: [Int]) -> [Int] {
    let kept = ids.prefix(config.maximumPositions)
    return kept + [Int](repeating: config.padToken, count: config.maximumPositions - kept.count)
  }
}
