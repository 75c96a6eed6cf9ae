import CarinaTensor

/// SigLIP's self-attention (transformers `SiglipAttention`): every position of a sequence sees every other.
struct SiglipAttention {
  let query: Linear, key: Linear, value: Linear, output: Linear
  private let headCount: Int, headSize: Int

  /// Takes the four maps below `prefix` from the source.
  init(_ source: ParameterSource, _ prefix: String, hiddenSize: Int, headCount: Int) {
    func projection(_ name: String) -> Linear {
      Linear(source, "\(prefix).\(name)", inputs: hiddenSize, outputs: hiddenSize)
    }
    query = projection("q_proj")
    key = projection("k_proj")
    value = projection("v_proj")
    output = projection("out_proj")
    self.headCount = headCount
    headSize = hiddenSize / headCount
  }

  /// The matrices, together those that read the same rows.
  var matricesByInput: [[Parameter]] { [[query, key, value].map(\.weight), [output.weight]] }

  /// The maps.
  var maps: [Linear] { [query, key, value, output] }
  var parameters: [Parameter] { maps.flatMap(\.parameters) }

  /// x [sequences · length, W] to a term of the same shape.
  func callAsFunction(_ x: Tensor, lengths: [Int], _ pass: LayerPass) -> LinearTerm {
    let x = query.input(x)
    let mixed = attend(query(x, pass), key(x, pass), value(x, pass), lengths: lengths, tape: pass.tape)
    return output.term(output.input(mixed), pass)
  }

  /// Queries, keys and values [sequences · length, W] to what the last map reads.
  func attend(_ queries: Tensor, _ keys: Tensor, _ values: Tensor, lengths: [Int], tape: Tape?) -> Tensor {
    CarinaTensor.attention(queries, keys, values, layout: layout(lengths), products: products, tape: tape)
  }

  /// Who sees whom: every position of a sequence every other.
  func layout(_ lengths: [Int]) -> AttentionLayout {
    AttentionLayout(
      queryCounts: lengths, heads: headCount, headSize: headSize, scale: 1 / Float(headSize).squareRoot(),
      isCausal: false)
  }

  /// The type in which queries meet keys and weights meet values.
  var products: ElementType { query.weight.value.elementType }
}
