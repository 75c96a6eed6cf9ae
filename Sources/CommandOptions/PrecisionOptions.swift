import ArgumentParser
import Carina

/// In which precision, and with which library, matrices are multiplied.
public struct PrecisionOptions: ParsableArguments {
  /// auto, bf16 or fp32.
  @Option(name: .long, help: "auto (bf16 where the processor multiplies it at full speed), bf16 or fp32.")
  public var precision = "auto"
  /// openblas or onednn.
  @Option(name: .long, help: "Library for matrix products: openblas or onednn (default: onednn where it works).")
  public var matmul: String?

  /// The defaults.
  public init() {}

  /// The processor with the library that is asked for.
  /// - Throws: `CarinaError.usage` for what is not known or not there.
  public func device() throws -> Device {
    guard let matmul else { return try .processor() }
    guard let choice = MatrixProductChoice(rawValue: matmul) else {
      throw CarinaError(.usage, "--matmul is not known", expected: "openblas or onednn", found: matmul)
    }
    return try .processor(products: choice)
  }

  /// How weights are held.
  /// - Throws: `CarinaError.usage` for what is not known or not there.
  public func computingPrecision() throws -> ComputingPrecision { try ComputingPrecision(option: precision) }

  /// Lines for the run's header.
  public func header(_ type: ElementType, _ device: Device) -> [(name: String, value: String)] {
    [
      ("precision", type == .bfloat16 ? "bf16" : "fp32"), ("matmul", device.productName),
      ("processor", Processor.description), ("threads", "\(ThreadTeam.count)"),
    ]
  }
}
