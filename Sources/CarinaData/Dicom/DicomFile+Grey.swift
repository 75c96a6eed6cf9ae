import CarinaRuntime
import Foundation

/// From stored values to 8-bit grey: modality rescale or table, then the policy, MONOCHROME1 inverted once.
///
/// There are at most 65,536 different stored values, so each is taken through the whole computation once.
extension DicomFile {
  /// Grey of every pixel, black to white; red, green and blue where the file has colour or a palette.
  ///
  /// `voi` takes the file's first window, or else its first display table, over the modality's values, rounds halves
  /// up to 8 bits, and inverts after that, as a window is in the units before the inversion. The other policies go from
  /// the darkest to the brightest value as displayed, as they do for PNG. Values of padding are black and do not count.
  /// Images of at most 8 bits obey `voi` where they have a window or table; otherwise, and without a policy, their
  /// whole range is spread over 0...255.
  /// - Throws: `CarinaError.badData` for more than 8 bits without a policy, and for `voi` without window and table.
  func grey(_ policy: PixelPolicy?, path: String) throws -> [UInt8] {
    if let palette { return colours(palette) }
    guard channels == 1 else { return codes.map { UInt8(truncatingIfNeeded: $0) } }
    let table = try greyTable(policy, path: path)
    return table.withUnsafeBufferPointer { table in codes.map { table[Int($0)] } }
  }

  /// The stored value of a bit pattern.
  func stored(_ code: Int) -> Int {
    isSigned && code >= 1 << (codeBits - 1) ? code - 1 << codeBits : code
  }

  /// The modality's value of a stored one.
  func modality(_ stored: Int) -> Double {
    modalityTable.map { Double($0.value(at: Double(stored))) } ?? Double(stored) * slope + intercept
  }

  private func greyTable(_ policy: PixelPolicy?, path: String) throws -> [UInt8] {
    let isDeep = bitsStored > 8
    if isDeep && policy == nil {
      throw CarinaError(
        .badData, "has \(bitsStored)-bit values, and how they become 8-bit is not decided", at: path,
        remedy: "Choose \(setting: .window) \(PixelPolicy.choices).")
    }
    if policy == .voi, let displayProblem {
      throw CarinaError(
        .badData, "the DICOM file cannot be displayed as it asks: \(displayProblem)", at: path,
        remedy: "Choose \(setting: .window) minmax, percentile:LOW,HIGH or full.")
    }
    let displayed = policy == .voi ? displayFunction() : nil
    if policy == .voi && displayed == nil && isDeep {
      throw CarinaError(
        .badData, "names no display window", at: path,
        remedy: "Choose \(setting: .window) minmax, percentile:LOW,HIGH or full.")
    }
    let codeCount = 1 << codeBits
    var table = [UInt8](repeating: 0, count: codeCount)
    if let displayed {
      for code in 0..<codeCount {
        let grey = displayed(modality(stored(code)))
        table[code] = isMonochrome1 ? 255 - grey : grey
      }
    } else {
      let levels = (0..<codeCount).map(brightness)
      let effective = isDeep ? policy ?? .full : .full
      let (low, high) = window(effective, levels)
      let span = high - low
      for code in 0..<codeCount where span > 0 {
        let above = min(max(levels[code] - low, 0), span)
        table[code] = UInt8((2 * above * 255 + span) / (2 * span))
      }
    }
    if let padding {
      for code in 0..<codeCount where padding.contains(stored(code)) { table[code] = 0 }
    }
    return table
  }

  /// A whole number that grows with what is displayed, in proportion to it. A rescale is linear, so of it only the sign
  /// of the slope matters.
  private func brightness(_ code: Int) -> Int {
    let stored = stored(code)
    guard modalityTable == nil else {
      let value = Int(modality(stored))
      return isMonochrome1 ? largestLevel - value : value
    }
    return level(ofStored: stored)
  }

  private func level(ofStored stored: Int) -> Int {
    let smallest = isSigned ? -(1 << (codeBits - 1)) : 0
    return isMonochrome1 != (slope < 0) ? largestLevel - (stored - smallest) : stored - smallest
  }

  private var largestLevel: Int { 1 << (modalityTable?.bits ?? codeBits) - 1 }

  /// The levels of the values that the stored bits reach.
  private var fullWindow: (low: Int, high: Int) {
    guard modalityTable == nil else { return (0, largestLevel) }
    let smallest = isSigned ? -(1 << (bitsStored - 1)) : 0
    let ends = [level(ofStored: smallest), level(ofStored: smallest + 1 << bitsStored - 1)]
    return (min(ends[0], ends[1]), max(ends[0], ends[1]))
  }

  /// The palette's colours in 8 bits, of deeper ones the upper 8 (PS3.3 C.7.9), red, green and blue interleaved.
  private func colours(_ palette: [Table]) -> [UInt8] {
    let tables = palette.map { table in
      (0..<1 << codeBits).map { code in
        UInt8(truncatingIfNeeded: table.value(at: Double(stored(code))) >> (table.bits > 8 ? table.bits - 8 : 0))
      }
    }
    return [UInt8](unsafeUninitializedCapacity: 3 * codes.count) { colours, count in
      for (index, code) in codes.enumerated() {
        for channel in 0..<3 { colours[3 * index + channel] = tables[channel][Int(code)] }
      }
      count = 3 * codes.count
    }
  }

  private func window(_ policy: PixelPolicy, _ levels: [Int]) -> (low: Int, high: Int) {
    if policy == .full { return fullWindow }
    var histogram = [Int](repeating: 0, count: 1 << 16)
    var byCode = [Int](repeating: 0, count: levels.count)
    for code in codes { byCode[Int(code)] += 1 }
    for (code, count) in byCode.enumerated() where count > 0 {
      if let padding, padding.contains(stored(code)) { continue }
      histogram[levels[code]] += count
    }
    return policy.window(ofHistogram: histogram)
  }

  /// From a modality's value to grey before any inversion.
  private func displayFunction() -> ((Double) -> UInt8)? {
    if let window { return window.grey }
    guard let displayTable else { return nil }
    let largest = 1 << displayTable.bits - 1
    return { UInt8((2 * min(displayTable.value(at: $0), largest) * 255 + largest) / (2 * largest)) }
  }
}

extension DicomFile.Window {
  /// The grey of a modality's value, halves rounded up.
  func grey(_ value: Double) -> UInt8 {
    func rounded(_ part: Double) -> UInt8 { UInt8(max(0, min(255, (part * 255 + 0.5).rounded(.down)))) }
    switch function {
    case .linear:
      let (middle, span) = (center - 0.5, width - 1)
      if value <= middle - span / 2 { return 0 }
      if value > middle + span / 2 { return 255 }
      return rounded((value - middle) / span + 0.5)
    case .linearExact:
      if value <= center - width / 2 { return 0 }
      if value > center + width / 2 { return 255 }
      return rounded((value - center) / width + 0.5)
    case .sigmoid: return rounded(1 / (1 + exp(-4 * (value - center) / width)))
    }
  }
}
