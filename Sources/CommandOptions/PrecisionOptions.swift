import ArgumentParser
import Carina

/// Where, in which precision and with which library is computed.
public struct PrecisionOptions: ParsableArguments {
  /// All three.
  @OptionGroup public var settings: SettingOptions<SectionOffers.Common<ComputingSettingList>>

  /// The defaults.
  public init() {}

  /// Where the command computes.
  /// - Parameters:
  ///   - rounded: options of the command that ask for products of bytes, in words (`--weights int8`).
  ///   - type: in which weights are multiplied; nil for that of the precision.
  /// - Throws: `CarinaError.usage` for what is not known, not there, or does not go together.
  public func device(rounded: [String] = [], type: ElementType? = nil) throws -> Device {
    let library = try settings.values.matmul
    switch try DeviceSelection(settings.values, rounded: rounded, type: type) {
    case .processor(let reason):
      let device = try library.map { try Device.processor(products: $0) } ?? .processor()
      return reason.map(device.chosen) ?? device
    case .card(let index, let reason, _):
      let type = try type ?? computingPrecision(rounded: rounded).elementType
      let device = try Device.cuda(index: index, activations: type)
      return reason.map(device.chosen) ?? device
    }
  }

  /// How weights are held: what was asked for, and on a card bf16 where that was left open and the card has it.
  /// - Throws: as `device`.
  public func computingPrecision(rounded: [String] = []) throws -> ComputingPrecision {
    // Also where it is not needed: a device that cannot be used is told before anything is prepared.
    let values = try settings.values, selection = try DeviceSelection(values, rounded: rounded, type: nil)
    guard values.precision == .automatic, case .card(_, _, let hasBFloat16) = selection else { return values.precision }
    return hasBFloat16 ? .bf16 : .fp32
  }

  /// Writes what the command line gave into a run's settings, the precision as it is on the device.
  /// - Throws: as `device`.
  public func apply(to computing: inout SettingValues<ComputingSettingList>, rounded: [String] = []) throws {
    try settings.apply(to: &computing)
    computing.precision = try computingPrecision(rounded: rounded)
  }

  /// Lines for the run's header.
  public func header(_ type: ElementType, _ device: Device) -> [(name: String, value: String)] {
    [
      ("precision", type == .bfloat16 ? "bf16" : "fp32"), ("device", device.description),
      ("matmul", device.productName), ("processor", Processor.description), ("threads", "\(ThreadTeam.count)"),
    ]
  }
}
