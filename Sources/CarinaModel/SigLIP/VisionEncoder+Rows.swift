import CarinaTensor
import Foundation

extension VisionEncoder {
  /// The state behind the last block, off the tape, with rows divided among the threads for everything between two
  /// attentions; nil where the matrices are not packed, an adapter stands beside one, or the rows are few.
  func stateByRows(_ embeddings: Tensor, lengths: [Int], observe: ((Int, Tensor) -> Void)?) -> Tensor? {
    let usual = Int(ProcessInfo.processInfo.environment["CARINA_ROWS"] ?? "0") ?? 0
    guard usual > 0 else { return nil }
    guard maps.allSatisfy({ $0.weight.isPacked && $0.adapters.isEmpty }),
      let runs = RowRuns.division(embeddings.rows, usual: usual, least: 64)
    else { return nil }
    let backend = embeddings.backend, shape = embeddings.shape
    func room() -> Tensor { Tensor(uninitialized: shape, on: backend) }
    func put(_ part: Tensor, _ whole: Tensor, _ rows: Range<Int>) { backend.copy(part, into: whole.rowSlice(rows)) }
    let pass = LayerPass(tape: nil, mayFuse: true)
    func enter(_ block: SiglipBlock, _ x: Tensor, _ targets: [Tensor], _ rows: Range<Int>) {
      let input = block.attention.query.input(block.firstNorm(x, tape: nil))
      for (map, target) in zip([block.attention.query, block.attention.key, block.attention.value], targets) {
        put(map(input, pass), target, rows)
      }
    }
    var state = embeddings
    var targets = (0..<3).map { _ in room() }
    RowRuns.run(runs) { enter(blocks[0], state.rowSlice($0), targets, $0) }
    for (layer, block) in blocks.enumerated() {
      let mixed = block.attention.attend(targets[0], targets[1], targets[2], lengths: lengths, tape: nil)
      let next = room(), entered = (0..<3).map { _ in room() }
      RowRuns.run(runs) { rows in
        let x =
          state.rowSlice(rows) + block.attention.output.term(block.attention.output.input(mixed.rowSlice(rows)), pass)
        let y = x + block.mlp(block.secondNorm(x, tape: nil), pass)
        put(y, next, rows)
        if layer + 1 < blocks.count { enter(blocks[layer + 1], y, entered, rows) }
      }
      state = next
      targets = entered
      observe?(layer + 1, state)
    }
    return state
  }
}
