import CKernels
import CarinaRuntime

/// The constants of one AdamW step that all parameters share.
package struct AdamWConstants: Sendable {
  /// Learning rate, decay factors of the moments, and the term that keeps the quotient finite.
  package let rate: Float, beta1: Double, beta2: Double, epsilon: Float
  /// Steps taken including this one, from 1.
  package let step: Int
  /// Factor on the gradients: what clipping by the global norm leaves.
  package let gradientScale: Float

  /// Collects the constants.
  package init(rate: Float, beta1: Double, beta2: Double, epsilon: Float, step: Int, gradientScale: Float) {
    self.rate = rate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.step = step
    self.gradientScale = gradientScale
  }
}

extension Parameter {
  /// One AdamW step (Loshchilov and Hutter 2019; order of operations as PyTorch's) on this parameter from its gradient;
  /// without a gradient nothing changes. The moments are fp32 of the parameter's shape.
  package func updateAdamW(_ constants: AdamWConstants, decay: Float, firstMoment: Tensor, secondMoment: Tensor) {
    guard let gradient else { return }
    let correction1 = Float(1 - Double.powered(constants.beta1, constants.step))
    let correction2 = Float(1 - Double.powered(constants.beta2, constants.step))
    RowSplit.run(count, grain: 1 << 14) { range in
      let skip = range.lowerBound
      let (gradient, first, second) = (gradient.floats + skip, firstMoment.floats + skip, secondMoment.floats + skip)
      let (count, decay) = (Int64(range.count), decays ? decay : 0)
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

  /// Sum of squares of the gradient, in double precision and in an order that does not depend on the number of threads.
  package var gradientSumOfSquares: Double {
    guard let gradient else { return 0 }
    let run = 1 << 16, runs = (gradient.count + run - 1) / run
    var partial = [Double](repeating: 0, count: runs)
    partial.withUnsafeMutableBufferPointer { partial in
      nonisolated(unsafe) let target = partial
      ThreadTeam.run(taskCount: runs) { index in
        let first = index * run
        target[index] = carina_sum_of_squares(gradient.floats + first, Int64(min(run, gradient.count - first)))
      }
    }
    return partial.reduce(0, +)
  }
}

extension Double {
  fileprivate static func powered(_ base: Double, _ exponent: Int) -> Double {
    var result = 1.0
    for _ in 0..<exponent { result *= base }
    return result
  }
}
