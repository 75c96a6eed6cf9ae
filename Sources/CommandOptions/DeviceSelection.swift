import Carina

/// Where a command computes, as its options and the machine decide it.
enum DeviceSelection: Equatable {
  /// The processor; with the reason where the choice was left open.
  case processor(reason: String?)
  /// A card by its number; with the reason likewise, and whether it multiplies bf16.
  case card(Int, reason: String?, hasBFloat16: Bool)

  /// - Parameters:
  ///   - rounded: options of the command that ask for products of bytes, in words (`--weights int8`).
  ///   - type: in which weights are multiplied; nil for that of the precision.
  /// - Throws: `CarinaError.usage` where a card is named and cannot be used, or not with the other options.
  init(_ values: SettingValues<ComputingSettingList>, rounded: [String], type: ElementType?) throws {
    let survey = { Device.cudaDevices() }
    let foreign = (values.matmul.map { ["--matmul \($0.rawValue)"] } ?? []) + rounded
    switch values.device {
    case .cpu: self = .processor(reason: nil)
    case .cuda(let index):
      if let option = foreign.first {
        throw CarinaError(
          .usage, "\(option) and --device \(values.device) cannot go together: the processor alone multiplies so",
          remedy: "Leave one of the two out.")
      }
      let card = try survey().card(index)
      let hasBFloat16 = card.hasBFloat16
      if !hasBFloat16, type == .bfloat16 || (type == nil && values.precision == .bf16) { throw card.noBFloat16 }
      self = .card(index, reason: nil, hasBFloat16: hasBFloat16)
    case .automatic: self = DeviceSelection(values, foreign: foreign, type: type, survey)
    }
  }

  /// Where nobody named a device: the first card that does what was asked for, otherwise the processor.
  private init(
    _ values: SettingValues<ComputingSettingList>, foreign: [String], type: ElementType?, _ survey: () -> CUDASurvey
  ) {
    // Not looked for where it would not be used: opening a driver takes a moment.
    if let option = foreign.first {
      self = .processor(reason: "\(option) is the processor's")
      return
    }
    let survey = survey()
    guard survey.reason == nil, let card = survey.devices.first else {
      self = .processor(reason: survey.reason ?? "no GPU")
      return
    }
    let needsBFloat16 = type.map { $0 == .bfloat16 } ?? (values.precision == .bf16)
    guard card.hasBFloat16 || !needsBFloat16 else {
      self = .processor(reason: "\(card.name) does not multiply bf16")
      return
    }
    self = .card(card.index, reason: "found", hasBFloat16: card.hasBFloat16)
  }
}
