import CarinaRuntime
import CarinaTensor

extension CUDABackend: AttentionKernels {
  /// See `AttentionKernels`: the backward pass needs the sums of out · dout.
  package var keepsAttentionOutput: Bool { true }

  /// See `AttentionKernels`: the statistics are the logarithms of the rows' sums [H, padded rows].
  @discardableResult
  package func attention(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, _ layout: AttentionLayout, products: ElementType, into out: Tensor,
    keepsStatistics: Bool
  ) -> Tensor? {
    guard layout.headSize <= CUDABackend.largestHead else {
      noteHeadSize(layout)
      return nil
    }
    if !keepsStatistics, isDecoding(layout) {
      decode(q, k, v, layout, into: out)
      return nil
    }
    let type: ElementType = usesTensorCores(q, k, v, layout, products) ? .bfloat16 : .float32
    let q = q.converted(to: type), k = k.converted(to: type), v = v.converted(to: type)
    let result = out.elementType == type ? out : Tensor(uninitialized: out.shape, elementType: type, on: self)
    let tiles = AttentionTiles(headSize: layout.headSize)
    let isHopper = type == .bfloat16 && device.isHopper && tiles.hasHopper
    let plan = plan(layout, type, queryTile: isHopper ? tiles.hopperRows : nil)
    let lse = keepsStatistics ? Tensor(uninitialized: [layout.heads, max(1, plan.paddedRows)], on: self) : nil
    let arguments: [KernelArgument] = [
      .tensor(q), .tensor(k), .tensor(v), .tensor(result), .optional(lse), .tensor(plan.queryBlocks),
      .tensor(plan.ranges), .int32(layout.heads), .int32(layout.keyValueHeads), .int32(plan.paddedRows),
      .float(layout.scale),
    ]
    let grid = LaunchGrid(layout.heads, plan.queryBlockCount)
    if isHopper {
      launch(
        name("attention_hopper", "attention_hopper_forward", layout), grid: grid, threads: tiles.hopperThreads,
        sharedBytes: tiles.hopperBytes, arguments)
    } else if type == .bfloat16 {
      launch(
        name("attention", "attention_forward", layout), grid: grid, threads: tiles.queryThreads,
        sharedBytes: tiles.forwardBytes, arguments)
    } else {
      launch(
        name("attention_float", "attention_float_forward", layout), grid: grid, threads: AttentionTiles.floatThreads,
        arguments)
    }
    if result.elementType != out.elementType { convert(result, into: out) }
    return lse
  }

  /// See `AttentionKernels`.
  package func attentionBackward(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, _ layout: AttentionLayout, products: ElementType, out: Tensor?,
    statistics: Tensor?, _ dout: Tensor, dq: Tensor, dk: Tensor, dv: Tensor
  ) {
    guard let out, let statistics else { return noteHeadSize(layout) }
    let type: ElementType = usesTensorCores(q, k, v, layout, products) ? .bfloat16 : .float32
    let q = q.converted(to: type), k = k.converted(to: type), v = v.converted(to: type)
    let targets = [dq, dk, dv].map {
      $0.elementType == type ? $0 : Tensor(uninitialized: $0.shape, elementType: type, on: self)
    }
    if layout.keyCounts.reduce(0, +) != k.rows {
      // Keys of no sequence.
      fillWithZeros(targets[1])
      fillWithZeros(targets[2])
    }
    let plan = plan(layout, type), tiles = AttentionTiles(headSize: layout.headSize), isNarrow = type == .bfloat16
    let grid = LaunchGrid(layout.heads, plan.queryBlockCount)
    let sums = Tensor(uninitialized: statistics.shape, on: self)
    let slopes: Tensor
    if isNarrow {
      slopes = dout.elementType == type ? dout : Tensor(uninitialized: dout.shape, elementType: type, on: self)
      launch(
        name("attention_backward_queries", "attention_delta_\(dout.letter)", layout), grid: grid,
        threads: tiles.queryThreads,
        [
          .tensor(out.converted(to: type)), .tensor(dout), .tensor(sums), .tensor(slopes), .tensor(plan.queryBlocks),
          .int32(layout.heads), .int32(plan.paddedRows),
        ])
    } else {
      slopes = dout.converted(to: type)
      launch(
        name("attention_float", "attention_float_delta", layout), grid: grid, threads: AttentionTiles.floatThreads,
        [
          .tensor(out.converted(to: type)), .tensor(slopes), .tensor(sums), .tensor(plan.queryBlocks),
          .int32(layout.heads), .int32(plan.paddedRows),
        ])
    }
    let inputs = [q, k, v, slopes, statistics, sums].map(KernelArgument.tensor)
    let sizes: [KernelArgument] = [
      .int32(layout.heads), .int32(layout.keyValueHeads), .int32(plan.paddedRows), .float(layout.scale),
    ]
    func kernel(_ part: String) -> KernelName {
      isNarrow
        ? name("attention_backward_\(part)", "attention_backward_\(part)", layout)
        : name("attention_float", "attention_float_backward_\(part)", layout)
    }
    launch(
      kernel("queries"), grid: grid, threads: isNarrow ? tiles.queryThreads : AttentionTiles.floatThreads,
      sharedBytes: isNarrow ? tiles.queryGradientBytes : 0,
      inputs + [.tensor(targets[0]), .tensor(plan.queryBlocks), .tensor(plan.ranges)] + sizes)
    launch(
      kernel("keys"), grid: LaunchGrid(layout.keyValueHeads, plan.keyBlockCount),
      threads: isNarrow ? tiles.keyThreads : AttentionTiles.floatThreads,
      sharedBytes: isNarrow ? tiles.keyGradientBytes : 0,
      inputs + [.tensor(targets[1]), .tensor(targets[2]), .tensor(plan.keyBlocks), .tensor(plan.ranges)] + sizes)
    for (target, wanted) in zip(targets, [dq, dk, dv]) where target.elementType != wanted.elementType {
      convert(target, into: wanted)
    }
  }

  /// The largest head that the kernels compute.
  private static let largestHead = 256

  private func noteHeadSize(_ layout: AttentionLayout) {
    note(
      CarinaError(
        .usage, "attention on a card has heads of at most \(CUDABackend.largestHead) columns, not \(layout.headSize)",
        remedy: "Compute on the processor."))
  }

  private func usesTensorCores(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, _ layout: AttentionLayout, _ products: ElementType
  ) -> Bool {
    layout.headSize % 8 == 0
      && (products == .bfloat16 || [q, k, v].allSatisfy { $0.elementType == .bfloat16 })
  }

  private func plan(_ layout: AttentionLayout, _ type: ElementType, queryTile: Int? = nil) -> AttentionPlan {
    guard type == .bfloat16 else {
      return AttentionPlan(layout, queryTile: AttentionTiles.float, keyTile: AttentionTiles.float, on: self)
    }
    let tiles = AttentionTiles(headSize: layout.headSize)
    return AttentionPlan(layout, queryTile: queryTile ?? tiles.queryRows, keyTile: tiles.keys, on: self)
  }

  func name(_ file: String, _ function: String, _ layout: AttentionLayout) -> KernelName {
    KernelName(file, function, ["HEAD_SIZE=\(layout.headSize)"])
  }
}
