extension JSONValue {
  /// The text, or a number as text; nil for anything else, NaN and the infinities among it.
  ///
  /// A number reads as Python shows it, `str(json.loads(…))`: whole numbers keep all their digits, `1.0` and `1e3` are
  /// `1.0` and `1000.0`, `-0` is `0`.
  package var writtenText: String? {
    switch self {
    case .string(let text): text
    case .integer(let value): String(value)
    case .digits(let digits): digits
    case .number(let value) where value.isFinite: JSONValue.pythonText(value)
    default: nil
    }
  }

  /// Whether this says that there is no value: `null`, or the NaN that Python's tables write for it.
  package var isMissing: Bool {
    if case .number(let value) = self { return value.isNaN }
    return isNull
  }

  /// The number, NaN and the infinities included.
  package var extendedDouble: Double? {
    if case .number(let value) = self { return value }
    return double
  }

  /// A double as Python's `repr` writes it: as Swift does, but without an exponent between 2^53 and 1e16.
  private static func pythonText(_ value: Double) -> String {
    abs(value) > 0x1p53 && abs(value) < 1e16 ? "\(Int(value)).0" : value.description
  }
}
