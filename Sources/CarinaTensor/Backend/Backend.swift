/// What computes: one value that owns the memory of tensors, the threads of its loops, the products of matrices, the
/// packing of frozen factors, and what is fused behind a product.
///
/// A tensor knows its backend, and operations are made of the primitives that their files declare (`LayerNormKernels`
/// in `LayerNormOperation.swift`, …). Another device is another class that conforms to this protocol: nothing above it
/// follows an address.
///
/// Primitives do not throw, since nearly every signature of the model would have to; what a library reports is kept,
/// and thrown by `throwFailure`, which training calls before it uses a step's numbers, and generation and scoring
/// before they use an answer's.
package protocol Backend: TensorMemory, AdamWKernels, AdditionKernels, AttentionKernels, ContrastiveKernels,
  ConversionKernels, CrossEntropyKernels, DropoutKernels, EmbeddingKernels, GELUKernels, GatedByteKernels, L2Kernels,
  LayerNormKernels, MatrixKernels, OutputHeadKernels, PatchKernels, RMSNormKernels, RankingKernels, RotaryKernels,
  RowKernels
{
  /// The library of matrix products with its version, as headers and records name it.
  var productName: String { get }
  /// How it stores what products, norms, activation functions, rotations and attention give. Sums of residual streams,
  /// embeddings, statistics, losses, logits and the gradients of weights are fp32 whatever it is.
  var activations: ElementType { get }
  /// Whether it multiplies weights in 8 bits (`QuantizedFactor`). Where it does not, options that ask for it are refused.
  var supportsByteProducts: Bool { get }
  /// Bytes of its own memory that can still be taken; nil where that is the host's.
  var memoryAvailable: Int? { get }
  /// A card in words, as headers and records name it; nil for the processor.
  var deviceName: String? { get }
  /// Waits until everything that was asked for is computed, which a clock needs to know; numbers that are read wait by
  /// themselves.
  func finish()
  /// Runs a step of decoding of so many rows with whatever makes its many short loops begin at once.
  func decoding<Result>(rows: Int, _ body: () -> Result) -> Result
  /// Told when the work repeats itself, as training does after an epoch: what is kept to make it faster takes no more
  /// memory, until other work begins. No digit depends on it.
  func settle(_ isSettled: Bool)
  /// What takes one more token of a few sequences through a decoder faster than its operations one by one; nil for none.
  var tokenDecoder: (any TokenDecoder)? { get }
  /// What takes rows through an encoder's blocks in bytes; nil where they go operation by operation.
  var byteEncoder: (any ByteEncoder)? { get }
  /// What computes norms together with what stands beside them in a block; nil where they are computed one by one.
  var fusedNorms: (any FusedNormKernels)? { get }
  /// Throws what a library reported first since the last call.
  /// - Throws: `CarinaError.internalFailure`.
  func throwFailure() throws
}

extension Backend {
  /// It does.
  package var supportsByteProducts: Bool { true }
  /// Its memory is the host's.
  package var memoryAvailable: Int? { nil }
  /// As they are computed.
  package var activations: ElementType { .float32 }
  /// None.
  package var tokenDecoder: (any TokenDecoder)? { nil }
  /// None.
  package var byteEncoder: (any ByteEncoder)? { nil }
  /// None.
  package var fusedNorms: (any FusedNormKernels)? { nil }
  /// Nothing is kept.
  package func settle(_ isSettled: Bool) {}
}
