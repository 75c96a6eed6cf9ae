import CarinaRuntime

/// The optimizer of a training run.
public enum OptimizerChoice: String, CaseIterable, SettingValue {
  /// AdamW with both moments in fp32: 8 bytes a weight.
  case adamw
  /// AdamW with both moments in 8 bits, a scale for each block of 256: 2 bytes a weight (Dettmers et al. 2022, the
  /// `AdamW8bit` of bitsandbytes). Moments of fewer than 4,096 numbers stay fp32.
  case adamw8bit
}
