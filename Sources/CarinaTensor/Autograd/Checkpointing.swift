/// Runs a part of the forward pass without keeping its inner activations, and runs it again when its gradient is wanted
/// (Chen et al. 2016): memory for one extra forward. A part in which nothing needs a gradient leaves nothing on the
/// tape.
///
/// - Parameters:
///   - x: the part's only argument that can need a gradient besides parameters.
///   - body: the part; called once and, in the backward pass, once more.
package func checkpointed(_ x: Tensor, tape: Tape?, _ body: @escaping (Tensor, Tape?) -> Tensor) -> Tensor {
  let input = x.detached, xNode = x.node
  // Only running the part tells whether its parameters are trained, unless its argument settles the question.
  let watch = tape?.finiteWatch
  let probe = tape != nil && (xNode == nil || watch != nil) ? Tape(finiteWatch: watch) : nil
  // A watch shall see what the part does, which its inner tape records only where something needs a gradient.
  let result = body(xNode != nil ? probe.map { $0.watch(input) } ?? input : input, probe)
  guard let tape, xNode != nil || result.node != nil else { return result.detached }
  return tape.record(result.detached) { dout in
    let inner = Tape(finiteWatch: watch)
    let argument = xNode == nil ? input : inner.watch(input)
    inner.backward(from: body(argument, inner), seed: dout)
    // A part may hand `dout` on as it is, so what arrives here can belong to others as well.
    if let gradient = inner.gradient(of: argument) { xNode?.accumulate(gradient, isFresh: false) }
  }
}
