/// A weight of a model: its numbers, its name in the checkpoint, and, while it is trained, its gradient.
public final class Parameter {
  /// The tensor's name in the checkpoint, with its prefix.
  public let name: String
  /// What the forward pass reads: fp32, or bfloat16 where products run in bfloat16.
  public private(set) var value: Tensor
  /// The fp32 original of a trained bfloat16 weight; nil when `value` itself is fp32 or was never trained.
  public private(set) var master: Tensor?
  /// Whether weight decay applies: everything but norms and biases.
  public let decays: Bool
  /// Whether gradients are computed for it.
  public private(set) var isTrainable = false
  /// The gradient so far, fp32, of `value`'s shape; nil when none has come yet.
  public private(set) var gradient: Tensor?

  /// A frozen parameter.
  public init(name: String, value: Tensor, decays: Bool) {
    self.name = name
    self.value = value.detached
    self.decays = decays
  }

  /// Lengths of the dimensions.
  public var shape: [Int] { value.shape }
  /// The value read as a matrix: the first dimension by all others.
  var matrix: Tensor { value.reshaped([shape[0], count / shape[0]]) }
  /// How many numbers.
  public var count: Int { value.count }

  /// Starts or stops training it. A bfloat16 weight gets an fp32 master; a mapped one a copy that may be written.
  public func setTrainable(_ trainable: Bool) {
    isTrainable = trainable
    guard trainable else {
      gradient = nil
      return
    }
    if value.elementType == .bfloat16 {
      if master == nil { master = value.converted(to: .float32) }
    }
    if value.storage.isBorrowed { value = value.copied() }
  }

  /// The fp32 numbers that the optimizer changes and a checkpoint of a training run holds.
  public var trainedValue: Tensor { master ?? value }

  /// Replaces the numbers (when a checkpoint is resumed); `tensor` has this parameter's shape.
  public func assign(_ tensor: Tensor) {
    precondition(tensor.shape == shape, "\(name): expected \(shape), got \(tensor.shape)")
    if value.elementType == .bfloat16, tensor.elementType == .float32 {
      value = tensor.converted(to: .bfloat16)
      // A weight that was trained and is frozen now still has its master, which a checkpoint reads.
      if isTrainable || master != nil { master = tensor.copied() }
    } else {
      value = tensor.converted(to: value.elementType).copied()
      if master != nil { master = value.converted(to: .float32) }
    }
  }

  /// The gradient's memory, made on first use and filled with zeros.
  func gradientForAccumulation() -> Tensor {
    if let gradient { return gradient }
    let fresh = Tensor(zeros: shape)
    gradient = fresh
    return fresh
  }

  /// Forgets the gradient and gives its memory back to the pool.
  public func clearGradient() { gradient = nil }
}
