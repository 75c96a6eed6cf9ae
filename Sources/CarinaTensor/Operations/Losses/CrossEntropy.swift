import CKernels

/// Cross-entropy of the next token through the output head, in chunks of rows, so that the logits of all rows never
/// exist at once. The gradient is formed while the chunk's logits are there, so the upstream gradient must be 1.
///
/// - Parameters:
///   - hidden: [R, D], the rows that predict a supervised token.
///   - targets: [R] token ids.
///   - head: [V, D], the tied embedding.
///   - scale: factor on the loss and its gradient, as 1 / supervised tokens of the optimizer step.
///   - labelSmoothing: the part ε of each target that is spread evenly over all tokens (Szegedy et al. 2016), as in
///     `torch.nn.functional.cross_entropy`: (1 − ε) · −log p(target) + ε · mean over tokens of −log p.
///   - chunkByteLimit: the most memory that one chunk of logits may take; nil for what the backend takes.
package func crossEntropy(
  _ hidden: Tensor, targets: [Int32], head: Parameter, scale: Float, labelSmoothing: Double = 0,
  chunkByteLimit: Int? = nil,
  tape: Tape?
) -> CrossEntropyResult {
  let rows = targets.count, width = hidden.width, vocabulary = head.value.rows
  precondition(hidden.rows == rows, "\(hidden.rows) rows for \(rows) targets")
  precondition(
    targets.allSatisfy { $0 >= 0 && $0 < vocabulary }, "a target is outside the \(vocabulary) rows of the head")
  let type = head.value.elementType
  let wantsHidden = tape != nil && hidden.node != nil
  let wantsHead = tape != nil && head.isTrainable
  // The kernel takes a scale of zero to mean that no gradient is wanted.
  precondition(scale != 0 || !(wantsHidden || wantsHead), "a loss scaled by zero has no gradient")
  let backend = hidden.backend, limit = chunkByteLimit ?? backend.logitChunkByteCount
  let chunkRows = max(1, min(rows, limit / (vocabulary * 4)))
  let logits = Tensor(uninitialized: [chunkRows, vocabulary], on: backend)
  let dhidden =
    wantsHidden ? Tensor(uninitialized: [rows, width], elementType: hidden.elementType, on: backend) : nil
  let losses = Tensor(uninitialized: [rows], on: backend)
  let operand = hidden.detached.converted(to: type)
  for first in stride(from: 0, to: rows, by: chunkRows) {
    let range = first..<min(rows, first + chunkRows)
    let part = operand.rowSlice(range), chunk = logits.rowSlice(0..<range.count)
    backend.logits(of: part, head: head.value, into: chunk)
    let factor = wantsHidden || wantsHead ? scale : 0, own = losses.elementSlice(range)
    if labelSmoothing == 0 {
      backend.crossEntropy(chunk, targets: targets[range], scale: factor, losses: own)
    } else {
      backend.smoothedCrossEntropy(
        chunk, targets: targets[range], scale: factor, smoothing: Float(labelSmoothing), losses: own)
    }
    guard wantsHidden || wantsHead else { continue }
    let gradient = chunk.converted(to: type)
    if let dhidden { backend.hiddenGradient(ofLogits: gradient, head: head.value, into: dhidden.rowSlice(range)) }
    if wantsHead {
      let (target, isFresh) = head.gradientForProduct()
      backend.multiply(
        MatrixFactor(gradient).transposed, MatrixFactor(part), into: target, accumulate: !isFresh)
    }
  }
  guard let tape, wantsHidden || wantsHead else { return CrossEntropyResult(losses: losses, scale: scale) }
  let node = hidden.node
  let recorded = tape.record(losses, isEnd: true) { _ in
    if let dhidden { node?.accumulate(dhidden, isFresh: true) }
  }
  let result = CrossEntropyResult(losses: recorded, scale: scale)
  if let watch = tape.finiteWatch { watch.note(result.loss.detached, of: "crossEntropy", isGradient: false) }
  return result
}

/// Logits of the output head: hidden [R, D] times the tied embedding [V, D], giving [R, V] fp32, off the tape.
package func headLogits(_ hidden: Tensor, head: Parameter) -> Tensor {
  linear(hidden.detached, head, as: .float32, tape: nil).detached
}

/// The loss of rows of logits.
package protocol CrossEntropyKernels {
  /// losses [R] = the negative log likelihoods of the targets under the logits [R, V]. Unless `scale` is zero the
  /// logits become the gradient of the losses' sum times `scale`.
  func crossEntropy(_ logits: Tensor, targets: ArraySlice<Int32>, scale: Float, losses: Tensor)
  /// The same with a part `smoothing` of each target spread evenly over the V tokens.
  func smoothedCrossEntropy(
    _ logits: Tensor, targets: ArraySlice<Int32>, scale: Float, smoothing: Float, losses: Tensor)
  /// Bytes of the logits that are formed at once.
  var logitChunkByteCount: Int { get }
}

extension CrossEntropyKernels {
  /// 64 MiB: as many rows as the head is worth reading for.
  package var logitChunkByteCount: Int { 64 << 20 }
}

extension CPUBackend: CrossEntropyKernels {
  /// See `CrossEntropyKernels`.
  package func crossEntropy(_ logits: Tensor, targets: ArraySlice<Int32>, scale: Float, losses: Tensor) {
    let width = logits.width
    targets.withUnsafeBufferPointer { targets in
      guard let first = targets.baseAddress else { return }
      RowSplit.run(targets.count, grain: RowSplit.grain(width: width)) { rows in
        carina_cross_entropy(
          logits.floats + rows.lowerBound * width, first + rows.lowerBound, losses.floats + rows.lowerBound,
          Int64(rows.count), Int64(width), scale)
      }
    }
  }

  /// See `CrossEntropyKernels`.
  package func smoothedCrossEntropy(
    _ logits: Tensor, targets: ArraySlice<Int32>, scale: Float, smoothing: Float, losses: Tensor
  ) {
    let width = logits.width
    targets.withUnsafeBufferPointer { targets in
      guard let first = targets.baseAddress else { return }
      RowSplit.run(targets.count, grain: RowSplit.grain(width: width)) { rows in
        carina_smoothed_cross_entropy(
          logits.floats + rows.lowerBound * width, first + rows.lowerBound, losses.floats + rows.lowerBound,
          Int64(rows.count), Int64(width), scale, smoothing)
      }
    }
  }
}
