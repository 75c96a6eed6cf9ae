import CKernels
import CarinaRuntime

extension Parameter {
  /// One AdamW step (Loshchilov and Hutter 2019; order of operations as PyTorch's) on this parameter from its gradient;
  /// without a gradient nothing changes. The moments are of the parameter's shape: fp32, or codes of 8 bits where
  /// `scales` has the largest number of each block of either.
  package func updateAdamW(
    _ constants: AdamWConstants, decay: Float, firstMoment: Tensor, secondMoment: Tensor,
    scales: (first: Tensor, second: Tensor)? = nil
  ) {
    let step = adamWStep(
      constants, decay: decay, firstMoment: firstMoment, secondMoment: secondMoment, scales: scales)
    if let step { value.backend.adamW([step]) }
  }

  /// What a backend needs for that step, to take it together with those of others; nil without a gradient.
  package func adamWStep(
    _ constants: AdamWConstants, decay: Float, firstMoment: Tensor, secondMoment: Tensor,
    scales: (first: Tensor, second: Tensor)? = nil
  ) -> AdamWStep? {
    gradient.map {
      AdamWStep(
        value: value, remainder: remainder, gradient: $0, first: firstMoment, second: secondMoment, scales: scales,
        constants: constants, decay: decays ? decay : 0, correction1: Float(1 - constants.power1),
        correction2: Float(1 - constants.power2))
    }
  }

  /// Sum of squares of the gradient, in double precision and in an order that does not depend on the number of threads.
  package var gradientSumOfSquares: Double { Parameter.gradientSumsOfSquares([self])[0] }

  /// The same of several parameters of one backend, which is waited for once.
  package static func gradientSumsOfSquares(_ parameters: [Parameter]) -> [Double] {
    let gradients = parameters.compactMap(\.gradient)
    guard let backend = gradients.first?.backend else { return parameters.map { _ in 0 } }
    var sums = backend.sumsOfSquares(gradients)[...]
    return parameters.map { $0.gradient == nil ? 0 : sums.removeFirst() }
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
  /// The same with moments in codes of 8 bits, `DynamicCodes.signed` and `.unsigned`, and the largest number of each
  /// block of them (`EightBitMoments`).
  func adamW(
    _ value: Tensor, remainder: Tensor?, gradient: Tensor, first: (codes: Tensor, scales: Tensor),
    second: (codes: Tensor, scales: Tensor), _ constants: AdamWConstants, decay: Float, correction1: Float,
    correction2: Float)
  /// Those steps of several tensors, each tensor in one of them.
  func adamW(_ steps: [AdamWStep])
  /// The sum of squares in double precision, in an order that depends on the count alone.
  func sumOfSquares(_ x: Tensor) -> Double
  /// Those of several tensors, in their order.
  func sumsOfSquares(_ tensors: [Tensor]) -> [Double]
}

extension AdamWKernels {
  /// One after the other.
  package func adamW(_ steps: [AdamWStep]) {
    for step in steps {
      if let scales = step.scales {
        adamW(
          step.value, remainder: step.remainder, gradient: step.gradient, first: (step.first, scales.first),
          second: (step.second, scales.second), step.constants, decay: step.decay, correction1: step.correction1,
          correction2: step.correction2)
      } else {
        adamW(
          step.value, remainder: step.remainder, gradient: step.gradient, first: step.first, second: step.second,
          step.constants, decay: step.decay, correction1: step.correction1, correction2: step.correction2)
      }
    }
  }

  /// One after the other.
  package func sumsOfSquares(_ tensors: [Tensor]) -> [Double] { tensors.map(sumOfSquares) }
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

  /// See `AdamWKernels`: a block is computed by one thread.
  package func adamW(
    _ value: Tensor, remainder: Tensor?, gradient: Tensor, first: (codes: Tensor, scales: Tensor),
    second: (codes: Tensor, scales: Tensor), _ constants: AdamWConstants, decay: Float, correction1: Float,
    correction2: Float
  ) {
    let size = EightBitMoments.blockSize, blocks = EightBitMoments.scaleCount(value.count)
    precondition(first.scales.count == blocks && second.scales.count == blocks, "\(blocks) blocks of \(value.shape)")
    RowSplit.run(blocks, grain: (1 << 14) / size) { range in
      let skip = range.lowerBound * size, count = Int64(min(range.upperBound * size, value.count) - skip)
      DynamicCodes.signed.withMoment(first.codes, scales: first.scales, skipping: skip) { first in
        DynamicCodes.unsigned.withMoment(second.codes, scales: second.scales, skipping: skip) { second in
          if let remainder {
            carina_adamw_coded_split(
              value.bfloats + skip, remainder.bfloats + skip, gradient.floats + skip, first, second, count,
              constants.gradientScale, constants.rate, constants.beta1, constants.beta2, constants.epsilon, decay,
              correction1, correction2)
          } else {
            carina_adamw_coded(
              value.floats + skip, gradient.floats + skip, first, second, count, constants.gradientScale,
              constants.rate, constants.beta1, constants.beta2, constants.epsilon, decay, correction1, correction2)
          }
        }
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
