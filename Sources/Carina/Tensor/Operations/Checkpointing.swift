/// Runs a part of the forward pass without keeping its inner activations, and runs it again when its gradient is wanted
/// (Chen et al. 2016): memory for one extra forward.
///
/// - Parameters:
///   - x: the part's only argument that can need a gradient besides parameters.
///   - body: the part; called once without a tape and, in the backward pass, once with one.
public func checkpointed(_ x: Tensor, tape: Tape?, _ body: @escaping (Tensor, Tape?) -> Tensor) -> Tensor {
  let out = body(x.detached, nil).detached
  guard let tape else { return out }
  let input = x.detached, xNode = x.node
  return tape.record(out) { dout in
    let inner = Tape()
    let watched = inner.watch(input)
    inner.backward(from: body(watched, inner), seed: dout)
    if let gradient = inner.gradient(of: watched) { xNode?.accumulate(gradient, isFresh: true) }
  }
}
