import ArgumentParser
import Carina

/// In which precision, and with which library, matrices are multiplied.
public struct PrecisionOptions: ParsableArguments {
  /// Both.
  @OptionGroup public var settings: SettingOptions<SectionOffers.Common<ComputingSettingList>>

  /// The defaults.
  public init() {}

  /// The processor with the library that is asked for.
  /// - Throws: `CarinaError.usage` for what is not known or not there.
  public func device() throws -> Device {
    guard let choice = try settings.values.matmul else { return try .processor() }
    return try .processor(products: choice)
  }

  /// How weights are held.
  /// - Throws: `CarinaError.usage` for what is not known or not there.
  public func computingPrecision() throws -> ComputingPrecision { try settings.values.precision }

  /// Lines for the run's header.
  public func header(_ type: ElementType, _ device: Device) -> [(name: String, value: String)] {
    [
      ("precision", type == .bfloat16 ? "bf16" : "fp32"), ("matmul", device.productName),
      ("processor", Processor.description), ("threads", "\(ThreadTeam.count)"),
    ]
  }
}
