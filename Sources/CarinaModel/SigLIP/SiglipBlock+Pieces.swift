import CarinaTensor

extension SiglipBlock {
  /// The block for a batch in pieces, whose weights are held: the same digits with a tape as without, and from kept terms
  /// as from computed ones. What the MLP adds is rounded to the weights' type.
  ///
  /// - Parameter kept: what the MLP adds, to be kept or as it was kept; nil to compute it and not to keep it.
  func inPieces(_ x: Tensor, lengths: [Int], kept: KeptTerms? = nil, tape: Tape?) -> Tensor {
    let x = attention.inPieces(firstNorm, x, lengths: lengths, tape: tape)
    let term = mlp.inPieces(secondNorm, x, known: kept?.next(), tape: tape)
    kept?.keep(term)
    return add(x, term, tape: tape)
  }
}

extension SiglipAttention {
  /// x + attention(norm x).
  func inPieces(_ norm: LayerNorm, _ x: Tensor, lengths: [Int], tape: Tape?) -> Tensor {
    let type = query.weight.value.elementType
    let rows = norm.heldRows(x, as: type, tape: tape)
    func project(_ map: Linear) -> Tensor {
      heldLinear(rows, map.weight, map.bias, as: x.backend.activations, tape: tape)
    }
    let mixed = attend(project(query), project(key), project(value), lengths: lengths, tape: tape)
    return heldLinear(
      HeldRows(mixed, as: type), output.weight, output.bias, summand: x, as: x.elementType, tape: tape)
  }
}

extension SiglipMLP {
  /// contract(gelu(expand(norm x))) in the type of the weights.
  func inPieces(_ norm: LayerNorm, _ x: Tensor, known: Tensor?, tape: Tape?) -> Tensor {
    let type = contract.weight.value.elementType
    let active = heldActivation(
      norm.heldRows(x, as: type, tape: tape), expand.weight, expand.bias, activation, tape: tape)
    return heldLinear(active, contract.weight, contract.bias, known: known, as: type, tape: tape)
  }
}

extension LayerNorm {
  /// The norm of rows, as products with held matrices read it.
  func heldRows(_ x: Tensor, as type: ElementType, tape: Tape?) -> HeldRows {
    heldLayerNorm(x, weight, bias, epsilon: epsilon, as: type, tape: tape)
  }
}
