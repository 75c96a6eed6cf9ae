import CarinaRuntime
import CarinaTensor

/// Everything that a stopped run needs to go on as if it had not stopped; what `checkpoints/step-N/` holds.
package struct TrainingState {
  /// The optimizer's state of one parameter.
  package struct Moments {
    /// Running means of the gradient and of its square, of the parameter's shape: fp32, or codes of 8 bits.
    package var first: Tensor, second: Tensor
    /// Of moments in 8 bits the largest number of each block, fp32.
    package var scales: (first: Tensor, second: Tensor)?
    /// Steps the parameter has taken.
    package var steps: Int

    /// Collects the values.
    package init(first: Tensor, second: Tensor, scales: (first: Tensor, second: Tensor)? = nil, steps: Int) {
      self.first = first
      self.second = second
      self.scales = scales
      self.steps = steps
    }

    /// Those of a parameter that has taken no step.
    /// - Parameter inEightBits: whether large ones are kept in 8 bits.
    package init(of parameter: Parameter, inEightBits: Bool) {
      let backend = parameter.value.backend, isCoded = inEightBits && EightBitMoments.holds(parameter.count)
      func zeros(_ shape: [Int], _ type: ElementType = .float32) -> Tensor {
        Tensor(zeros: shape, elementType: type, on: backend)
      }
      let type: ElementType = isCoded ? .uint8 : .float32, blocks = [EightBitMoments.scaleCount(parameter.count)]
      self.init(
        first: zeros(parameter.shape, type), second: zeros(parameter.shape, type),
        scales: isCoded ? (zeros(blocks), zeros(blocks)) : nil, steps: 0)
    }
  }

  /// How far the run is.
  package struct Progress: Equatable, Sendable {
    /// Optimizer steps done, and the epoch (from 0) of the next.
    package var step: Int, epoch: Int
    /// Samples of this epoch that the steps done have used.
    package var samplesSeen: Int
    /// States of random generators by purpose.
    package var generators: [String: SeededGenerator]
    /// Lines and bytes of `train_log.jsonl` that belong to the steps done; what stands behind them is cut off on
    /// resuming.
    package var logLineCount: Int, logByteCount: Int
    /// Digest of the options and data that decide the numbers; a run with another one must not go on from here.
    package var configurationHash: String
    /// Whatever else the stage stores: its best validation loss, say.
    package var extra: JSONValue
    /// The last step, where it has no line in the log yet: its line has the loss on held-out data too, and the run was
    /// stopped while that was taken.
    package var unlogged: StepReport?

    /// Collects the values.
    package init(
      step: Int, epoch: Int, samplesSeen: Int, generators: [String: SeededGenerator] = [:], logLineCount: Int,
      logByteCount: Int, configurationHash: String, extra: JSONValue = [:], unlogged: StepReport? = nil
    ) {
      self.step = step
      self.epoch = epoch
      self.samplesSeen = samplesSeen
      self.generators = generators
      self.logLineCount = logLineCount
      self.logByteCount = logByteCount
      self.configurationHash = configurationHash
      self.extra = extra
      self.unlogged = unlogged
    }
  }

  /// How far the run is.
  package var progress: Progress
  /// The fp32 numbers of every parameter that some epoch of the run trains.
  package var weights: [String: TensorSource]
  /// The optimizer's state; a parameter that has taken no step has none.
  package var moments: [String: Moments]

  /// Collects the values.
  package init(progress: Progress, weights: [String: TensorSource], moments: [String: Moments]) {
    self.progress = progress
    self.weights = weights
    self.moments = moments
  }
}
