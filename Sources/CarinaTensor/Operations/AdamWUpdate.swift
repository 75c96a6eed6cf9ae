import CKernels
import CarinaRuntime

extension Parameter {
  /// One AdamW step (Loshchilov and Hutter 2019; order of operations as PyTorch's) on this parameter from its gradient;
  /// without a gradient nothing changes. The moments are fp32 of the parameter's shape.
  package func updateAdamW(_ constants: AdamWConstants, decay: Float, firstMoment: Tensor, secondMoment: Tensor) {
    guard let gradient else { return }
    let correction1 = Float(1 - constants.power1)
    let correction2 = Float(1 - constants.power2)
    value.backend.adamW(
      value, remainder: remainder, gradient: gradient, first: firstMoment, second: secondMoment, constants,
      decay: decays ? decay : 0, correction1: correction1, correction2: correction2)
  }

  /// Sum of squares of the gradient, in double precision and in an order that does not depend on the number of threads.
  package var gradientSumOfSquares: Double {
    gradient.map { $0.backend.sumOfSquares($0) } ?? 0
  }
}

/// The optimizer's step.
package protocol AdamWKernels {
  /// One step on `value`, fp32 or the upper halves of fp32 numbers whose lower ones are `remainder`, and on the
  /// moments.
  /// - Parameter correction1: and `correction2`, one minus the moments' decay factors to the power of the steps.
  func adamW(
    _ value: Tensor, remainder: Tensor?, gradient: Tensor, first: Tensor, second: Tensor, _ constants: AdamWConstants,
    decay: Float, correction1: Float, correction2: Float)
  /// The sum of squares in double precision, in an order that depends on the count alone.
  func sumOfSquares(_ x: Tensor) -> Double
}

extension CPUBackend: AdamWKernels {
  /// See `AdamWKernels`.
  package func adamW(
    _ value: Tensor, remainder: Tensor?, gradient: Tensor, first: Tensor, second: Tensor, _ constants: AdamWConstants,
    decay: Float, correction1: Float, correction2: Float
  ) {
    RowSplit.run(value.count, grain: 1 << 14) { range in
      let skip = range.lowerBound, count = Int64(range.count)
      let (gradient, first, second) = (gradient.floats + skip, first.floats + skip, second.floats + skip)
      if let remainder {
        carina_adamw_split(
          value.bfloats + skip, remainder.bfloats + skip, gradient, first, second, count, constants.gradientScale,
          constants.rate, constants.beta1, constants.beta2, constants.epsilon, decay, correction1, correction2)
      } else {
        carina_adamw(
          value.floats + skip, gradient, first, second, count, constants.gradientScale, constants.rate,
          constants.beta1, constants.beta2, constants.epsilon, decay, correction1, correction2)
      }
    }
  }

  /// See `AdamWKernels`.
  package func sumOfSquares(_ x: Tensor) -> Double {
    let run = 1 << 16, runs = (x.count + run - 1) / run
    var partial = [Double](repeating: 0, count: runs)
    partial.withUnsafeMutableBufferPointer { partial in
      // Unsafe: each task writes an element of its own.
      nonisolated(unsafe) let target = partial
      ThreadTeam.run(taskCount: runs) { index in
        let first = index * run
        target[index] = carina_sum_of_squares(x.floats + first, Int64(min(run, x.count - first)))
      }
    }
    return partial.reduce(0, +)
  }
}
