/// One AdamW step of one tensor, as `AdamWKernels` take it.
package struct AdamWStep {
  /// The weight: fp32, or the upper halves of fp32 numbers whose lower ones are `remainder`; and its gradient.
  package let value: Tensor, remainder: Tensor?, gradient: Tensor
  /// The moments: fp32, or codes of 8 bits with the largest number of each block of either in `scales`.
  package let first: Tensor, second: Tensor, scales: (first: Tensor, second: Tensor)?
  /// What all tensors share, and the weight decay of this one.
  package let constants: AdamWConstants, decay: Float
  /// One minus the moments' decay factors to the power of the steps.
  package let correction1: Float, correction2: Float

  /// Collects the values.
  package init(
    value: Tensor, remainder: Tensor?, gradient: Tensor, first: Tensor, second: Tensor,
    scales: (first: Tensor, second: Tensor)?, constants: AdamWConstants, decay: Float, correction1: Float,
    correction2: Float
  ) {
    self.value = value
    self.remainder = remainder
    self.gradient = gradient
    self.first = first
    self.second = second
    self.scales = scales
    self.constants = constants
    self.decay = decay
    self.correction1 = correction1
    self.correction2 = correction2
  }
}
