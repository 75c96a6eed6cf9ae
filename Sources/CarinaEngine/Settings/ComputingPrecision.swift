import CarinaRuntime
import CarinaTensor

/// In which precision weights are held and multiplied.
public enum ComputingPrecision: String, CaseIterable, Sendable {
  /// bfloat16 where the processor multiplies it at full speed, fp32 elsewhere.
  case automatic = "auto"
  /// Weights and product inputs in bfloat16, everything else in fp32.
  case bf16
  /// Everything in fp32.
  case fp32

  /// The element type of weights that enter products.
  public var elementType: ElementType {
    switch self {
    case .automatic: Processor.hasBFloat16Products ? .bfloat16 : .float32
    case .bf16: .bfloat16
    case .fp32: .float32
    }
  }

  /// Reads the option's text.
  /// - Throws: `CarinaError.usage`; for half precision with the reason.
  public init(option text: String) throws {
    if text == "fp16" || text == "float16" {
      throw CarinaError(
        .usage, "\(setting: .precision) fp16 is refused: Gemma's activations exceed its range and turn into infinities",
        remedy: "Use bf16 or fp32.")
    }
    guard let value = ComputingPrecision(rawValue: text) else {
      throw CarinaError(
        .usage, "\(setting: .precision) is not known",
        expected: ComputingPrecision.allCases.map(\.rawValue).joined(separator: ", "),
        found: text)
    }
    self = value
  }
}
