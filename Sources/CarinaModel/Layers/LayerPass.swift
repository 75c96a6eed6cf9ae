import CarinaTensor

/// How the layers of a pass compute: what is recorded, and whether what follows a product may be left to it.
struct LayerPass {
  /// What the pass is recorded on; nil for none.
  let tape: Tape?
  /// Whether biases, activations and sums may be left to the products, which in bfloat16 changes last digits. Never
  /// with a tape: the second pass of a checkpointed block has to repeat the first.
  let mayFuse: Bool

  init(tape: Tape?, mayFuse: Bool = false) {
    self.tape = tape
    self.mayFuse = mayFuse && tape == nil
  }
}
