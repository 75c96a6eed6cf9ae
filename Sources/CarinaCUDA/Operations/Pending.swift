import CarinaTensor

// Primitives whose kernels are not written.

extension CUDABackend: AttentionKernels {
  package func attention(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, _ layout: AttentionLayout, products: ElementType, into out: Tensor
  ) { pending() }
  package func attentionBackward(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, _ layout: AttentionLayout, products: ElementType, _ dout: Tensor,
    dq: Tensor, dk: Tensor, dv: Tensor
  ) { pending() }
}

extension CUDABackend {
  private func pending() { note(CUDAErrors.failed("a primitive", "no kernel")) }
}
