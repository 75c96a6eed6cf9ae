import CarinaModel

extension ActivationMemory {
  /// What the adapters of one decoder block keep besides what the frozen block does: each rounded input once, and the
  /// rows of every A. Of blocks with different adapters, the one with the most.
  func adaptedBlock(_ config: DecoderConfig, _ plan: LoraPlan, rows: Int, read: Int) -> BufferBytes {
    let names = lastNames(of: plan, .languageModel), size = precision.byteCount
    var bytes = BufferBytes()
    if names.contains("k_proj") || names.contains("v_proj") || names.contains("q_proj") && read == rows {
      bytes.add(rows, config.hiddenSize, size: size)
    }
    if names.contains("q_proj"), read != rows { bytes.add(read, config.hiddenSize, size: size) }
    if names.contains("o_proj") { bytes.add(read, config.headCount * config.headSize, size: size) }
    if names.contains("gate_proj") || names.contains("up_proj") { bytes.add(read, config.hiddenSize, size: size) }
    if names.contains("down_proj") { bytes.add(read, config.intermediateSize, size: size) }
    bytes.add(rows, plan.rank, size: size, count: names.intersection(["k_proj", "v_proj"]).count)
    bytes.add(read, plan.rank, size: size, count: names.subtracting(["k_proj", "v_proj"]).count)
    return bytes
  }

  /// The same of one block of the vision encoder, whose inputs `visionBlock` has.
  func adaptedBlock(_ config: VisionConfig, _ plan: LoraPlan, rows: Int) -> BufferBytes {
    var bytes = BufferBytes()
    bytes.add(rows, plan.rank, size: precision.byteCount, count: lastNames(of: plan, .visionEncoder).count)
    return bytes
  }

  /// What a backward pass through adapters needs at once: where numbers are dropped the input without them, and the
  /// gradient behind the mask.
  func adapterBackward(_ plan: LoraPlan, rows: Int) -> BufferBytes {
    var bytes = BufferBytes()
    bytes.add(rows, plan.rank)
    guard plan.settings.dropout > 0 else { return bytes }
    let width = plan.maps.map(\.inputs).max() ?? 0
    bytes.add(rows, width, size: precision.byteCount)
    bytes.add(rows, width)
    return bytes
  }

  private func lastNames(of plan: LoraPlan, _ part: AdaptedPart) -> Set<String> {
    Set(plan.maps.filter { $0.part == part }.map { $0.name.split(separator: ".").last.map(String.init) ?? $0.name })
  }
}
