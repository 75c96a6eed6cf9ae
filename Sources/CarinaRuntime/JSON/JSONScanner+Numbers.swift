extension JSONScanner {
  private static let exactPowersOfTen: [Double] = (0...22).map { exponent in
    (0..<exponent).reduce(1.0) { power, _ in power * 10 }
  }

  /// The number that begins here: an integer when it is written as one, else the nearest double.
  package mutating func number() throws -> JSONValue {
    let start = offset
    if byte == UInt8(ascii: "N") {
      try literal("NaN")
      return .number(.nan)
    }
    let isNegative = byte == UInt8(ascii: "-")
    if isNegative { offset += 1 }
    if byte == UInt8(ascii: "I") {
      try literal("Infinity")
      return .number(isNegative ? -.infinity : .infinity)
    }
    guard let first = byte, isDigit(first) else {
      offset = start
      throw failure(
        "no value starts like this", found: shown())
    }
    var digits: UInt64 = 0
    var overflow = false
    var scale = 0
    func take(_ digit: UInt8) {
      let (product, carried) = digits.multipliedReportingOverflow(by: 10)
      let (sum, carriedAgain) = product.addingReportingOverflow(UInt64(digit - 0x30))
      overflow = overflow || carried || carriedAgain
      digits = sum
    }
    if first == 0x30 {
      offset += 1
      if let next = byte, isDigit(next) { throw failure("a number must not start with 0", at: start) }
    } else {
      while let next = byte, isDigit(next) {
        take(next)
        offset += 1
      }
    }
    var isInteger = true
    if byte == UInt8(ascii: ".") {
      isInteger = false
      offset += 1
      guard let next = byte, isDigit(next) else { throw failure("digits must follow the point", found: shown()) }
      while let next = byte, isDigit(next) {
        take(next)
        scale -= 1
        offset += 1
      }
    }
    if byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
      isInteger = false
      scale += try exponent()
    }
    if isInteger {
      if !overflow, let value = exactInteger(digits, isNegative: isNegative) { return .integer(value) }
      return .digits(String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<offset]), as: UTF8.self))
    }
    // Clinger's fast path: both factors are exact doubles, so one rounding gives the nearest.
    if !overflow, digits <= 1 << 53, abs(scale) <= 22 {
      let power = Self.exactPowersOfTen[abs(scale)]
      let magnitude = scale < 0 ? Double(digits) / power : Double(digits) * power
      return .number(isNegative ? -magnitude : magnitude)
    }
    let text = String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<offset]), as: UTF8.self)
    guard let value = Double(text), value.isFinite else {
      throw failure("a number is beyond the range of a double", at: start, found: text)
    }
    return .number(value)
  }

  private var byte: UInt8? { offset < bytes.count ? bytes[offset] : nil }

  private func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

  private func exactInteger(_ digits: UInt64, isNegative: Bool) -> Int? {
    isNegative ? (digits == 1 << 63 ? Int.min : Int(exactly: digits).map { -$0 }) : Int(exactly: digits)
  }

  /// The signed exponent behind `e`, clamped to what no double can tell from zero or infinity.
  private mutating func exponent() throws -> Int {
    offset += 1
    var isNegative = false
    if byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+") {
      isNegative = byte == UInt8(ascii: "-")
      offset += 1
    }
    guard let first = byte, isDigit(first) else { throw failure("digits must follow the exponent", found: shown()) }
    var value = 0
    while let next = byte, isDigit(next) {
      value = min(value * 10 + Int(next - 0x30), 1_000_000)
      offset += 1
    }
    return isNegative ? -value : value
  }
}
