/// Scaled dot-product attention (Vaswani et al. 2017) with grouped queries (Ainslie et al. 2023), in blocks of query
/// rows: scores of one block against its visible keys are all that exists at a time, and the backward pass forms them
/// again.
///
/// - Parameters:
///   - query: [R, H·E].
///   - key: [S, K·E].
///   - value: [S, K·E].
///   - products: the type in which queries meet keys and weights meet values; bfloat16 where the processor multiplies
///     it, and worth it only for many queries a sequence. Sums and softmax are in fp32 always.
/// - Returns: [R, H·E].
package func attention(
  _ query: Tensor, _ key: Tensor, _ value: Tensor, layout: AttentionLayout, products: ElementType = .float32,
  tape: Tape?
) -> Tensor {
  precondition(
    query.rows == layout.queryCounts.reduce(0, +) && query.width == layout.heads * layout.headSize,
    "queries \(query.shape) do not fit the layout")
  precondition(
    zip(layout.keyStarts, layout.keyCounts).allSatisfy { $0 + $1 <= key.rows }
      && key.width == layout.keyValueHeads * layout.headSize
      && value.shape == key.shape, "keys \(key.shape) and values \(value.shape) do not fit the layout")
  let backend = query.backend
  let q = query.detached, k = key.detached, v = value.detached
  let out = Tensor(uninitialized: query.shape, elementType: backend.activations, on: backend)
  let isRecorded = tape != nil && (query.node != nil || key.node != nil || value.node != nil)
  let statistics = backend.attention(
    q, k, v, layout, products: products, into: out, keepsStatistics: isRecorded)
  guard let tape, isRecorded else { return out }
  let queryNode = query.node, keyNode = key.node, valueNode = value.node
  let kept = backend.keepsAttentionOutput ? out : nil
  return tape.record(out) { dout in
    let dq = Tensor(uninitialized: q.shape, elementType: q.elementType, on: backend)
    let dk = Tensor(uninitialized: k.shape, elementType: k.elementType, on: backend)
    let dv = Tensor(uninitialized: v.shape, elementType: v.elementType, on: backend)
    backend.attentionBackward(
      q, k, v, layout, products: products, out: kept, statistics: statistics, dout.reshaped(q.shape), dq: dq, dk: dk,
      dv: dv)
    queryNode?.accumulate(dq, isFresh: true)
    keyNode?.accumulate(dk, isFresh: true)
    valueNode?.accumulate(dv, isFresh: true)
  }
}

/// Attention over packed sequences; see `attention`.
package protocol AttentionKernels {
  /// Whether `attentionBackward` wants the result of the forward pass.
  var keepsAttentionOutput: Bool { get }
  /// out [R, H·E].
  /// - Returns: where `keepsStatistics`, what `attentionBackward` wants besides; nil for nothing.
  @discardableResult
  func attention(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, _ layout: AttentionLayout, products: ElementType, into out: Tensor,
    keepsStatistics: Bool
  ) -> Tensor?
  /// The gradients of all three arguments, from the gradient of the result, the result where `keepsAttentionOutput`, and
  /// what `attention` returned.
  func attentionBackward(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, _ layout: AttentionLayout, products: ElementType, out: Tensor?,
    statistics: Tensor?, _ dout: Tensor, dq: Tensor, dk: Tensor, dv: Tensor)
}

extension AttentionKernels {
  /// Scores are formed again from the arguments.
  package var keepsAttentionOutput: Bool { false }
}

extension CPUBackend: AttentionKernels {
  /// See `AttentionKernels`.
  @discardableResult
  package func attention(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, _ layout: AttentionLayout, products: ElementType, into out: Tensor,
    keepsStatistics: Bool
  ) -> Tensor? {
    if products == .bfloat16,
      let streamed = StreamedAttention(query: q, key: k, value: v, layout: layout, backend: self)
    {
      streamed.forward(into: out)
    } else if let tiled = tiledAttention(q, k, v, layout, products) {
      tiled.forward(into: out)
    } else {
      AttentionWork(query: q, key: k, value: v, layout: layout, backend: self).forward(into: out)
    }
    return nil
  }

  /// See `AttentionKernels`.
  package func attentionBackward(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, _ layout: AttentionLayout, products: ElementType, out: Tensor?,
    statistics: Tensor?, _ dout: Tensor, dq: Tensor, dk: Tensor, dv: Tensor
  ) {
    if let tiled = tiledAttention(q, k, v, layout, products) {
      tiled.backward(dout, dquery: dq, dkey: dk, dvalue: dv)
    } else {
      AttentionWork(query: q, key: k, value: v, layout: layout, backend: self)
        .backward(dout, dquery: dq, dkey: dk, dvalue: dv)
    }
  }

  private func tiledAttention(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, _ layout: AttentionLayout, _ products: ElementType
  ) -> TiledAttention? {
    guard products == .bfloat16 else { return nil }
    return TiledAttention(query: q, key: k, value: v, layout: layout, backend: self)
  }
}
