/// A weight of a model: its numbers, its name in the checkpoint, and, while it is trained, its gradient.
public final class Parameter {
  /// The tensor's name in the checkpoint, with its prefix.
  package let name: String
  /// What the forward pass reads: fp32, or bfloat16 where products run in bfloat16.
  package private(set) var value: Tensor
  /// The last 16 bits of each number of a trained bfloat16 weight, which with `value` make its fp32 original: 2 bytes a
  /// weight instead of the 4 of a separate copy. Nil when `value` itself is fp32 or was never trained.
  package private(set) var remainder: Tensor?
  /// What the backend keeps of the matrix for products while it is frozen; nil until something asked for it.
  package private(set) var frozenFactor: (any FrozenFactor)?
  /// Whether weight decay applies: everything but norms and biases.
  package let decays: Bool
  /// Whether gradients are computed for it.
  package private(set) var isTrainable = false
  /// Whether a trained matrix stays as it is for now; see `hold`.
  package private(set) var isHeld = false
  /// The gradient so far, fp32, of `value`'s shape; nil when none has come yet.
  package private(set) var gradient: Tensor?
  /// The memory of a forgotten gradient, for the next one.
  private var gradientMemory: Tensor?
  private var keepsGradientMemory = false

  /// A frozen parameter.
  package init(name: String, value: Tensor, decays: Bool) {
    self.name = name
    self.value = value.detached
    self.decays = decays
  }

  /// Lengths of the dimensions.
  package var shape: [Int] { value.shape }
  /// The value read as a matrix: the first dimension by all others.
  package var matrix: Tensor { value.reshaped([shape[0], count / shape[0]]) }
  /// How many numbers.
  package var count: Int { value.count }

  /// Starts or stops training it. A bfloat16 weight gets the rest of an fp32 number; a mapped one a copy that may be
  /// written.
  package func setTrainable(_ trainable: Bool) {
    isTrainable = trainable
    if trainable { frozenFactor?.forget() }
    guard trainable else {
      gradient = nil
      gradientMemory = nil
      return
    }
    if value.elementType == .bfloat16, remainder == nil {
      remainder = Tensor(zeros: shape, elementType: .bfloat16, on: value.backend)
    }
    if value.storage.isBorrowed {
      let mapped = value.storage
      value = value.copied()
      mapped.releaseResidentPages()
    } else {
      value.storage.setRemaking(nil)
    }
  }

  /// Replaces the numbers (when a checkpoint is resumed); `tensor` has this parameter's shape.
  package func assign(_ tensor: Tensor) {
    precondition(tensor.shape == shape, "\(name): expected \(shape), got \(tensor.shape)")
    frozenFactor?.forget()
    // A weight that was trained and is frozen now still has its remainder, which a checkpoint reads.
    if value.elementType == .bfloat16, isTrainable || remainder != nil {
      let source = tensor.converted(to: .float32)
      let upper = Tensor(uninitialized: shape, elementType: .bfloat16, on: value.backend)
      let lower = Tensor(uninitialized: shape, elementType: .bfloat16, on: value.backend)
      value.backend.split(source, upper: upper, lower: lower)
      value = upper
      remainder = lower
    } else {
      value = tensor.converted(to: value.elementType).copied()
    }
  }

  /// Lets a bfloat16 matrix be packed for products of many rows, while it is frozen, when it is used again: faster, and
  /// in place of the pages of a mapped file. A single use would not pay for it.
  package func packWhenFrozen() { factor().packsWhenRepeated = true }

  /// Takes `packWhenFrozen` back.
  package func leaveUnpacked() { frozenFactor?.packsWhenRepeated = false }

  /// Promises that a trained matrix stays as it is until `letGo`, so that the many products of a step that meet it may
  /// treat it as a frozen one: packed when it is used again, and with what follows a product left to it off the tape.
  /// The memory of its gradient, which each of them adds to, stays with it from then on: in the pool it would serve for
  /// activations of a like size, and be missing there.
  package func hold() {
    isHeld = true
    keepsGradientMemory = true
    packWhenFrozen()
  }

  /// Takes the promise back, and drops the copies.
  package func letGo() {
    isHeld = false
    if isTrainable { frozenFactor?.forget() }
  }

  /// Whether products may use copies of the matrix.
  var staysAsItIs: Bool { !isTrainable || isHeld }

  /// Gives the pages of a mapped file back that something else than products has read, where products read a packed
  /// copy.
  package func releasePagesBehindCopy() {
    if frozenFactor?.isPacked == true { value.storage.releaseResidentPages() }
  }

  /// Rounds a frozen matrix to 8 bits for products without a tape; `value` stays for what reads single rows.
  package func quantize() {
    precondition(!isTrainable && shape.count > 1, "\(name) is trained or no matrix")
    factor().quantize(matrix, columnFactors: nil)
    value.storage.releaseResidentPages()
  }

  /// Uses a copy of the frozen matrix in 8 bits that was made before; see `quantize`.
  package func use(_ quantized: any QuantizedFactor) {
    precondition(!isTrainable && shape.count > 1, "\(name) is trained or no matrix")
    factor().take(quantized)
  }

  /// Rounds a frozen matrix to 8 bits for every product, with a tape and without, forwards and back to the input, and
  /// lets products be sums of bytes.
  package func multiplyInBytes(packed: Bool = false) { Parameter.multiplyInBytes([self], packed: packed) }

  /// The same of matrices [N, K] that read the same rows, which are then rounded once for all of them.
  /// - Parameter packed: see `FrozenFactor.packQuantized`.
  package static func multiplyInBytes(_ matrices: [Parameter], packed: Bool = false) {
    guard let first = matrices.first else { return }
    for matrix in matrices {
      precondition(!matrix.isTrainable && matrix.shape.count > 1, "\(matrix.name) is trained or no matrix")
    }
    let factors = first.value.backend.columnFactors(of: matrices.map(\.matrix))
    for matrix in matrices {
      matrix.factor().quantize(matrix.matrix, columnFactors: factors)
      matrix.factor().multipliesBytes = true
      if packed { matrix.factor().packQuantized() }
      matrix.value.storage.releaseResidentPages()
    }
  }

  /// The matrix in 8 bits that every product uses; nil unless `multiplyInBytes` was asked for and it is still frozen.
  var bytes: (any QuantizedFactor)? {
    guard let frozenFactor, frozenFactor.multipliesBytes else { return nil }
    return frozenFactor.quantized
  }

  /// Whether every product with the matrix is one of bytes.
  package var multipliesBytes: Bool { bytes != nil }

  /// The matrix in 8 bits, which products without a tape then use; nil unless asked for.
  package var quantized: (any QuantizedFactor)? { frozenFactor?.quantized }

  private func factor() -> any FrozenFactor {
    if let frozenFactor { return frozenFactor }
    let made = value.backend.frozenFactor()
    frozenFactor = made
    return made
  }

  /// c = a Wᵀ (forward) or a W (backward) with what the backend has kept of the frozen matrix; c densely stored.
  ///
  /// - Returns: whether it was done.
  func multiplyPrepared(
    _ a: MatrixFactor, isForward: Bool, into c: Tensor, epilogue: ProductEpilogue = ProductEpilogue()
  )
    -> Bool
  {
    guard staysAsItIs, let frozenFactor else { return false }
    return frozenFactor.multiply(a, matrix, isForward: isForward, into: c, epilogue: epilogue)
  }

  /// The gradient's memory, made on first use and filled with zeros.
  func gradientForAccumulation() -> Tensor {
    let (tensor, isFresh) = gradientForProduct()
    if isFresh { tensor.backend.fillWithZeros(tensor) }
    return tensor
  }

  /// The gradient's memory for sums that a primitive adds, or writes where it is told that the memory `isFresh`.
  /// - Parameter isFresh: whether there is no gradient yet.
  func gradientForSums(isFresh: Bool) -> Tensor {
    isFresh ? gradientForProduct().tensor : gradientForAccumulation()
  }

  /// The gradient's memory for a product that writes all of it: to be added to, or, where it is fresh, to be filled.
  func gradientForProduct() -> (tensor: Tensor, isFresh: Bool) {
    if let gradient { return (gradient, false) }
    let fresh = gradientMemory ?? Tensor(uninitialized: shape, on: value.backend)
    gradientMemory = nil
    gradient = fresh
    return (fresh, true)
  }

  /// Forgets the gradient and gives its memory back to the pool, or keeps it for the next one; see `hold`.
  package func clearGradient() {
    if keepsGradientMemory { gradientMemory = gradient ?? gradientMemory }
    gradient = nil
  }
}
