import CarinaRuntime
import CarinaTensor

/// The dropout of adapters in training: what is dropped is a function of the seed, the step, the micro-batch of the step,
/// the map, the row and the column, and so of neither threads nor resuming; a block that runs again in the backward pass
/// drops the same.
package final class AdapterDropout {
  /// The part that is dropped, in [0, 1).
  package let probability: Double
  private let seed: UInt64
  private var pass: (step: Int, batch: Int)?

  /// Drops nothing until a pass of training begins.
  package init(probability: Double, seed: UInt64) {
    self.probability = probability
    self.seed = seed
  }

  /// Runs forward and backward pass of a micro-batch, counted from 0 in its step, in which numbers are dropped.
  package func training<Result>(step: Int, batch: Int, _ body: () throws -> Result) rethrows -> Result {
    pass = (step, batch)
    defer { pass = nil }
    return try body()
  }

  /// The mask of a map's input at this moment; nil where nothing is dropped.
  func mask(of map: String) -> DropoutMask? {
    guard let pass, probability > 0 else { return nil }
    var generator = SeededGenerator(seed: seed, stream: "dropout.\(pass.step).\(pass.batch).\(map)")
    return DropoutMask(key: generator.next(), probability: probability)
  }
}
